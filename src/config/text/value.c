/* SPDX-License-Identifier: MIT */
/* Numbers, times, sizes and addresses, as they are written. */
#include "text/value_internal.h"

#include <arpa/inet.h>

#define SECOND    1000ULL
#define DAY       (24 * (3600 * SECOND))
#define LONG_TIME (100 * (365 * DAY))

/* As nginx has them, months of 30 days and years of 365. */
static const struct time_unit {
    const char *name;
    uint64_t milliseconds;
} units[] = {{"y", 365 * DAY},     {"M", 30 * DAY},    {"w", 7 * DAY}, {"d", DAY},
             {"h", 3600 * SECOND}, {"m", 60 * SECOND}, {"s", SECOND},  {"ms", 1}};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

bool value_begins_with(struct slice text, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (slice_starts_with(text, slice_of(names[i])))
            return true;
    }
    return false;
}

/* The unit at the start of text; the longest name wins, so that "ms" is not "m". */
static size_t find_unit(struct slice text)
{
    size_t found = UNIT_COUNT;

    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (slice_starts_with(text, slice_of(units[i].name)))
            found = i;
    }
    return found;
}

int value_time(struct slice text, uint64_t *milliseconds)
{
    uint64_t total = 0;
    size_t next_unit = 0; /* units must fall: "1m1h" is a mistake */

    if (text.len == 0)
        return -1;
    while (text.len) {
        size_t digits = slice_span(text, SLICE_DIGITS);
        uint64_t number, factor = SECOND;

        if (slice_to_u64(slice_head(text, digits), LONG_TIME, &number) != 0)
            return -1;
        text = slice_from(text, digits);
        if (text.len) {
            size_t unit = find_unit(text);

            if (unit == UNIT_COUNT || unit < next_unit)
                return -1;
            factor = units[unit].milliseconds;
            text = slice_from(text, strlen(units[unit].name));
            next_unit = unit + 1;
        } else if (next_unit > UNIT_COUNT - 2) {
            return -1; /* a plain number is seconds: "1s5" and "1ms5" are mistakes */
        }
        if (number > (LONG_TIME - total) / factor)
            return -1;
        total += number * factor;
        text = slice_from(text, slice_span(text, " "));
    }
    *milliseconds = total;
    return 0;
}

int value_size(struct slice text, uint64_t *bytes)
{
    static const char letters[] = "kKmMgG";
    size_t digits = slice_span(text, SLICE_DIGITS);
    const char *unit = digits + 1 == text.len ? strchr(letters, text.data[digits]) : NULL;
    unsigned shift = unit && *unit ? 10 * (1 + (unsigned)(unit - letters) / 2) : 0;
    uint64_t number;

    if (shift)
        text.len--;
    if (slice_to_u64(text, (uint64_t)INT64_MAX >> shift, &number) != 0)
        return -1;
    *bytes = number << shift;
    return 0;
}

int value_host_port(struct slice text, struct slice *host, uint16_t *port, bool *has_port)
{
    const char *colon;
    struct slice rest;
    uint64_t number;

    if (text.len && text.data[0] == '[') {
        const char *bracket = memchr(text.data, ']', text.len);

        if (!bracket)
            return -1;
        *host = (struct slice){text.data, (size_t)(bracket + 1 - text.data)};
    } else {
        colon = text.len ? memchr(text.data, ':', text.len) : NULL;
        *host = colon ? (struct slice){text.data, (size_t)(colon - text.data)} : text;
    }
    rest = slice_from(text, host->len);
    *has_port = rest.len > 0;
    if (host->len == 0)
        return -1;
    if (!*has_port)
        return 0;
    if (rest.data[0] != ':' || slice_to_u64(slice_from(rest, 1), 65535, &number) != 0 ||
        number == 0)
        return -1;
    *port = (uint16_t)number;
    return 0;
}

/* Takes "%zone" off the end of the host. Whatever may be an interface's name is one. */
static int read_zone(struct slice *host, char zone[IF_NAMESIZE])
{
    const char *percent = host->len ? memchr(host->data, '%', host->len) : NULL;
    struct slice name;

    zone[0] = '\0';
    if (!percent)
        return 0;
    name = slice_from(*host, (size_t)(percent + 1 - host->data));
    host->len = (size_t)(percent - host->data);
    if (name.len == 0 || name.len >= IF_NAMESIZE)
        return -1;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];

        if (c <= ' ' || c == 0x7f || c == '/' || c == ':' || c == '%')
            return -1;
    }
    memcpy(zone, name.data, name.len);
    zone[name.len] = '\0';
    return 0;
}

int value_ip(struct slice host, uint16_t port, struct address *ip)
{
    char text[INET6_ADDRSTRLEN], zone[IF_NAMESIZE] = "";
    bool is_v6 = host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';

    memset(ip, 0, sizeof(*ip));
    if (is_v6) {
        host = (struct slice){host.data + 1, host.len - 2};
        if (read_zone(&host, zone) < 0)
            return -1;
    }
    if (host.len == 0 || host.len >= sizeof(text))
        return -1;
    memcpy(text, host.data, host.len);
    text[host.len] = '\0';
    if (is_v6) {
        ip->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        ip->len = sizeof(ip->v6);
        address_set_zone(ip, zone);
        return inet_pton(AF_INET6, text, &ip->v6.sin6_addr) == 1 ? 0 : -1;
    }
    ip->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    ip->len = sizeof(ip->v4);
    return inet_pton(AF_INET, text, &ip->v4.sin_addr) == 1 ? 0 : -1;
}

const char *value_zone_trouble(const struct address *ip)
{
    bool is_local = ip->any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&ip->v6.sin6_addr);
    bool has_zone = *address_zone(ip) != '\0';

    if (is_local && !has_zone)
        return "a link-local address needs its interface, as in [fe80::1%eth0]";
    if (!is_local && has_zone)
        return "only a link-local address (fe80::/10) has an interface behind \"%\"";
    return NULL;
}

bool value_is_host_name(struct slice host)
{
    size_t label = 0;
    bool has_letter = false; /* in the last label: "10.0.0.256" is a mistyped address */

    if (host.len == 0 || host.len > 253)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
            /* A final dot marks a full name. */
            has_letter = i + 1 == host.len && has_letter;
            continue;
        }
        if (!is_letter && c != '-' && c != '_' && !(c >= '0' && c <= '9'))
            return false;
        if (++label > 63)
            return false;
        has_letter = has_letter || is_letter || c == '-' || c == '_';
    }
    return has_letter;
}
