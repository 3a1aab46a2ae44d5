/* SPDX-License-Identifier: MIT */
/* Where an access_log's lines go: a file, standard error, or a syslog server. */
#include "tenant_internal.h"
#include "text/value_internal.h"

#define SYSLOG_PORT    514
#define SYSLOG_TAG_MAX 32 /* RFC 3164 section 4.1.3 */

/* RFC 3164 section 4.1.1: the place is the number; nginx's names. */
static const char *const facilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "intern", "lpr",    "news",
    "uucp",   "clock",  "authpriv", "ftp",    "ntp",    "audit",  "alert",  "cron",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};
static const char *const severities[] = {"emerg", "alert",  "crit", "error",
                                         "warn",  "notice", "info", "debug"};

/* What is read of `syslog:`. */
struct syslog_words {
    struct slice server; /* empty: none yet */
    struct slice tag;
    uint32_t facility;
    uint32_t severity;
    bool has_hostname;
};

#define COUNT(names) (unsigned)(sizeof(names) / sizeof((names)[0]))

static bool find_name(const char *const *names, unsigned count, struct slice text, uint32_t *index)
{
    for (uint32_t i = 0; i < count; i++) {
        if (slice_equal(text, slice_of(names[i]))) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool is_tag(struct slice tag)
{
    return tag.len > 0 && tag.len <= SYSLOG_TAG_MAX && slice_is_only(tag, SLICE_ALPHANUMERIC "_");
}

/* One of what stands between the commas; what is wrong with it, or NULL. */
static const char *read_item(struct slice item, struct syslog_words *words)
{
    if (slice_starts_with(item, SLICE("server="))) {
        if (words->server.len > 0)
            return "there is a second server";
        words->server = slice_from(item, 7);
        return words->server.len > 0 ? NULL : "its server is empty";
    }
    if (slice_starts_with(item, SLICE("facility=")))
        return find_name(facilities, COUNT(facilities), slice_from(item, 9), &words->facility)
                   ? NULL
                   : "unknown syslog facility: it is kern, user, mail, daemon, auth, intern, lpr, "
                     "news, uucp, clock, authpriv, ftp, ntp, audit, alert, cron or local0 to "
                     "local7";
    if (slice_starts_with(item, SLICE("severity=")))
        return find_name(severities, COUNT(severities), slice_from(item, 9), &words->severity)
                   ? NULL
                   : "unknown syslog severity: it is emerg, alert, crit, error, warn, notice, info "
                     "or debug";
    if (slice_starts_with(item, SLICE("tag="))) {
        words->tag = slice_from(item, 4);
        return is_tag(words->tag) ? NULL : "its tag is not 1 to 32 letters, digits and \"_\"";
    }
    if (!slice_equal(item, SLICE("nohostname")))
        return "unknown syslog parameter: there are server=, facility=, severity=, tag= and "
               "nohostname";
    words->has_hostname = false;
    return NULL;
}

static const char *read_server(struct build *build, struct slice text, struct address *server)
{
    struct config_endpoint endpoint = {.port = SYSLOG_PORT};
    const char *wrong = value_endpoint(&build->scratch, build->folder, text, &endpoint);

    if (!wrong && endpoint.address.len == 0)
        return "its server is a name: an address is needed, or unix:PATH";
    *server = endpoint.address;
    return wrong;
}

static const char *read_syslog(struct build *build, struct slice rest,
                               struct config_log_destination *destination)
{
    struct syslog_words words = {
        .tag = SLICE("nsgate"), .facility = 23, .severity = 6, .has_hostname = true};
    const char *wrong = NULL;

    while (!wrong && rest.len > 0) {
        const char *comma = memchr(rest.data, ',', rest.len);
        struct slice item = comma ? slice_head(rest, (size_t)(comma - rest.data)) : rest;

        wrong = read_item(item, &words);
        rest = slice_from(rest, item.len + 1);
    }
    if (!wrong && words.server.len == 0)
        wrong = "no syslog server specified: it is syslog:server=ADDRESS[:PORT] or "
                "syslog:server=unix:PATH";
    if (!wrong)
        wrong = read_server(build, words.server, &destination->server);
    if (wrong)
        return wrong;
    destination->kind = LOG_TO_SYSLOG;
    destination->priority = words.facility * 8 + words.severity;
    destination->tag = arena_slice(build->arena, words.tag);
    destination->has_hostname = words.has_hostname;

    char text[ADDRESS_TEXT];

    address_format(&destination->server, text);
    destination->identity =
        arena_printf(build->arena, "syslog %s %u %.*s %d", text, destination->priority,
                     SLICE_PRINTF(words.tag), words.has_hostname);
    return NULL;
}

static const char *read_file(struct build *build, struct slice text,
                             struct config_log_destination *destination)
{
    if (!build_is_text(text))
        return "it names no file";
    if (slice_has(text, '$'))
        return "variables in a file's name are not supported: give each server or location a file "
               "of its own, or put the variable into the \"log_format\"";
    if (slice_starts_with(text, SLICE("memory:")))
        return "lines in memory are not supported: it is a file, stderr or syslog:server=ADDRESS";
    destination->kind = LOG_TO_FILE;
    destination->path = build_path(build, text);
    destination->identity =
        arena_printf(build->arena, "file %.*s", SLICE_PRINTF(destination->path));
    return NULL;
}

/* The place of one that is there already, or of a new one. */
static uint32_t add(struct build *build, const struct config_log_destination *destination)
{
    struct list *list = &build->parts->log_destinations;
    const struct config_log_destination *known = list->items;

    for (uint32_t i = 0; i < list->count; i++) {
        if (slice_equal(known[i].identity, destination->identity))
            return i;
    }
    list_push(list, &build->scratch, *destination);
    return list->count - 1;
}

bool log_destination_read(struct build *build, const struct config_word *word, uint32_t *index)
{
    struct config_log_destination destination = {.place = build_place(build, word->place)};
    struct slice text = word->text;
    const char *wrong = NULL;

    if (slice_equal(text, SLICE("stderr"))) {
        destination.kind = LOG_TO_STDERR;
        destination.identity = SLICE("stderr");
    } else if (slice_starts_with(text, SLICE("syslog:"))) {
        wrong = read_syslog(build, slice_from(text, 7), &destination);
    } else {
        wrong = read_file(build, text, &destination);
    }
    if (wrong)
        diag_error(build->diags, word->place, "\"%.*s\" in \"%s\": %s",
                   SLICE_PRINTF(slice_head(text, 128)), build->rule->name, wrong);
    else
        *index = add(build, &destination);
    return !wrong;
}
