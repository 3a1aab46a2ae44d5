/* SPDX-License-Identifier: MIT */
/* Lists with qualities: "text/plain;q=0.5, text/html". */
#include "accept_internal.h"

/* Up to the separator, or all; quoted separators do not count. *rest is what is behind it. */
static struct slice cut(struct slice *rest, char separator)
{
    bool is_quoted = false;
    size_t len = 0;
    struct slice item;

    for (; len < rest->len && (is_quoted || rest->data[len] != separator); len++) {
        if (rest->data[len] == '"')
            is_quoted = !is_quoted;
        else if (is_quoted && rest->data[len] == '\\' && len + 1 < rest->len)
            len++;
    }
    item = slice_head(*rest, len);
    *rest = slice_from(*rest, len + (len < rest->len ? 1 : 0));
    return slice_trim(item);
}

/* "0.25": 250. What is no quality is 0. */
static unsigned thousandths(struct slice text)
{
    unsigned value = 0, unit = 100;

    if (text.len == 0 || (text.data[0] != '0' && text.data[0] != '1'))
        return 0;
    value = text.data[0] == '1' ? 1000 : 0;
    for (size_t i = 2; i < text.len && text.data[1] == '.' && unit > 0; i++, unit /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return 0;
        value += (unsigned)(text.data[i] - '0') * unit;
    }
    return value < 1000 ? value : 1000;
}

/* Of the parameters behind a member. A version that is not ours counts for nothing. */
static unsigned quality_of(struct slice parameters)
{
    unsigned quality = 1000;

    while (parameters.len > 0) {
        struct slice item = cut(&parameters, ';');

        if (item.len > 2 && (item.data[0] == 'q' || item.data[0] == 'Q') && item.data[1] == '=')
            quality = thousandths(slice_from(item, 2));
        else if (slice_starts_with(item, SLICE("version=")) &&
                 !slice_equal(item, SLICE("version=0.0.4")) &&
                 !slice_equal(item, SLICE("version=1.0.0")) &&
                 !slice_equal(item, SLICE("version=\"0.0.4\"")) &&
                 !slice_equal(item, SLICE("version=\"1.0.0\"")))
            return 0;
    }
    return quality;
}

/* How specific it is for what is asked; 0: it is something else. */
static unsigned match(struct slice member, struct slice what)
{
    bool is_type = memchr(what.data, '/', what.len);

    if (slice_equal_nocase(member, what))
        return 3;
    if (is_type && !slice_equal(what, SLICE("text/plain")))
        return 0;
    if (is_type && slice_equal_nocase(member, SLICE("text/*")))
        return 2;
    if (slice_equal(what, SLICE("identity")))
        return 0;
    return slice_equal(member, is_type ? SLICE("*/*") : SLICE("*"));
}

unsigned accept_quality(const struct http_fields *fields, struct slice field, struct slice what)
{
    unsigned best = 0, quality = 0;

    for (uint32_t i = 0; i < fields->count; i++) {
        struct slice list = fields->items[i].value;

        if (!slice_equal_nocase(fields->items[i].name, field))
            continue;
        while (list.len > 0) {
            struct slice parameters = cut(&list, ',');
            unsigned specific = match(cut(&parameters, ';'), what);
            unsigned liked = specific > 0 ? quality_of(parameters) : 0;

            if (specific > best || (specific > 0 && specific == best && liked > quality)) {
                best = specific;
                quality = liked;
            }
        }
    }
    return quality;
}
