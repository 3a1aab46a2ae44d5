/* SPDX-License-Identifier: MIT */
/* `upstream` blocks and their servers. */
#include "defaults_internal.h"
#include "setters_internal.h"

#include "tenant_internal.h"
#include "text/value_internal.h"

#define MAX_CONNS_MOST 100000
#define MAX_CONNS_ZONE (256 * 1024) /* bytes: all servers of a tenant, in all workers */
#define QUEUE_MOST     100000
#define QUEUE_TIME     "timeout="

bool upstream_count_endpoint(struct build *build, struct diag_place place)
{
    struct tenant_build *parts = build->parts;

    if (parts->endpoint_count < TENANT_ENDPOINTS_MAX) {
        parts->endpoint_count++;
        return true;
    }
    if (!parts->told_endpoints)
        diag_error(build->diags, place, "a tenant has at most %d backend addresses",
                   TENANT_ENDPOINTS_MAX);
    parts->told_endpoints = true;
    return false;
}

static bool has_primary(const struct list *endpoints)
{
    const struct config_endpoint *items = endpoints->items;

    for (uint32_t i = 0; i < endpoints->count; i++) {
        if (!items[i].backup)
            return true;
    }
    return false;
}

static void check_name(struct build *build, const struct config_word *word)
{
    const struct config_upstream *upstreams = build->parts->upstreams.items;

    if (!build_is_text(word->text) || slice_has(word->text, '/') || slice_has(word->text, '$'))
        build_refuse(build, word, "is no name of an upstream");
    for (uint32_t i = 0; i < build->parts->upstreams.count; i++) {
        if (slice_equal_nocase(upstreams[i].name, word->text))
            diag_error(build->diags, word->place, "upstream \"%.*s\" is a duplicate",
                       SLICE_PRINTF(slice_head(word->text, 64)));
    }
}

void set_upstream(struct build *build, const struct config_directive *directive)
{
    const struct config_word *name = &directive->words[1];
    struct config_upstream upstream = default_upstream;
    unsigned before = build->diags->errors;
    struct level level;

    check_name(build, name);
    upstream.name = arena_slice(build->arena, name->text);
    build->upstream = &upstream;
    build->endpoints = (struct list){0};
    build_level(build, &level, CONTEXT_UPSTREAM, directive->block);
    build->upstream = NULL;
    if (build->diags->errors == before && !has_primary(&build->endpoints))
        diag_error(build->diags, name->place, "upstream \"%.*s\" has no server%s",
                   SLICE_PRINTF(name->text), build->endpoints.count ? " that is not a backup" : "");
    upstream.endpoint_count = build->endpoints.count;
    upstream.endpoints = list_copy(&build->endpoints, build->arena, sizeof(struct config_endpoint));
    list_push(&build->parts->upstreams, &build->scratch, upstream);
}

/* ---- server ---- */

static void tell_parameter(struct build *build, const struct config_word *word, const char *wanted)
{
    build_refuse(build, word, "is not allowed: %s", wanted);
}

/* What nginx has and nsgate has not. */
static bool is_later(struct slice text)
{
    static const char *const later[] = {"slow_start=", "route=", "service=", "id="};

    return value_begins_with(text, later, sizeof(later) / sizeof(later[0])) ||
           slice_equal(text, SLICE("resolve")) || slice_equal(text, SLICE("drain"));
}

static void read_netns(struct build *build, const struct config_word *word,
                       struct config_endpoint *endpoint)
{
    struct config_netns *netns;

    if (endpoint->netns) {
        tell_parameter(build, word, "a server is in one network namespace");
        return;
    }
    if (endpoint->address.any.sa_family == AF_UNIX) {
        tell_parameter(build, word, "a Unix socket is in no network namespace");
        return;
    }
    netns = ARENA_NEW(build->arena, struct config_netns);
    netns_read(build, word, slice_from(word->text, 6), netns);
    endpoint->netns = netns;
    if (slice_equal(netns->text, SLICE("host")))
        tell_parameter(build, word, "a server is in the host's network namespace without it");
}

static void read_parameter(struct build *build, const struct config_word *word,
                           struct config_endpoint *endpoint)
{
    struct slice text = word->text;
    uint64_t value;

    if (slice_equal(text, SLICE("backup"))) {
        endpoint->backup = true;
    } else if (slice_equal(text, SLICE("down"))) {
        endpoint->down = true;
    } else if (slice_starts_with(text, SLICE("weight="))) {
        if (slice_to_u64(slice_from(text, 7), 65535, &value) != 0 || value == 0)
            tell_parameter(build, word, "a weight is 1 to 65535");
        else
            endpoint->weight = (uint32_t)value;
    } else if (slice_starts_with(text, SLICE("max_fails="))) {
        if (slice_to_u64(slice_from(text, 10), 65535, &value) != 0)
            tell_parameter(build, word, "max_fails is 0 (never marked as failed) to 65535");
        else
            endpoint->max_fails = (uint32_t)value;
    } else if (slice_starts_with(text, SLICE("max_conns="))) {
        if (slice_to_u64(slice_from(text, 10), MAX_CONNS_MOST, &value) != 0)
            tell_parameter(build, word, "max_conns is 0 (no limit) to 100000");
        else
            endpoint->max_conns = (uint32_t)value;
    } else if (slice_starts_with(text, SLICE("fail_timeout="))) {
        if (value_time(slice_from(text, 13), &value) != 0)
            tell_parameter(build, word, "fail_timeout is a time, as in fail_timeout=10s");
        else
            endpoint->fail_timeout = (double)value / 1000.0;
    } else if (slice_starts_with(text, SLICE("netns="))) {
        read_netns(build, word, endpoint);
    } else if (is_later(text)) {
        build_refuse(build, word, "of a server is not supported yet");
    } else {
        tell_parameter(build, word,
                       "a server takes weight=N, max_fails=N, fail_timeout=TIME, max_conns=N, "
                       "netns=NAME, backup, down");
    }
}

/* What all workers count lies in one table of the tenant, which is as large for all: so a reload
 * keeps it. */
static void count_exchanges(struct build *build, struct diag_place place)
{
    struct config_zone *zone;

    if (build->parts->counts_exchanges)
        return;
    build->parts->counts_exchanges = true;
    zone = zone_add(build, ZONE_COUNTS, CONFIG_MAX_CONNS, place);
    if (zone)
        zone->size = MAX_CONNS_ZONE;
}

void set_endpoint(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    struct config_endpoint endpoint = default_endpoint;
    const char *wrong;

    wrong = value_endpoint(build->arena, build->folder, word->text, &endpoint);
    if (!wrong && !build_is_clean(word->text))
        wrong = "it has control characters";
    if (wrong)
        diag_error(build->diags, word->place, "\"%.*s\" is no server: %s",
                   SLICE_PRINTF(slice_head(word->text, 128)), wrong);
    for (uint32_t i = 2; i < directive->word_count; i++)
        read_parameter(build, &directive->words[i], &endpoint);
    if (wrong || !upstream_count_endpoint(build, word->place))
        return;
    endpoint.place = build_place(build, word->place);
    if (endpoint.max_conns > 0)
        count_exchanges(build, word->place);
    list_push(&build->endpoints, &build->scratch, endpoint);
}

/* ---- queue ---- */

void set_queue(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    uint64_t value;

    if (slice_to_u64(word->text, QUEUE_MOST, &value) != 0 || value == 0)
        build_refuse(build, word, "is no number of requests: 1 to %d", QUEUE_MOST);
    else
        build->upstream->queue = (uint32_t)value;
    if (directive->word_count < 3)
        return;
    word = &directive->words[2];
    if (!slice_starts_with(word->text, SLICE(QUEUE_TIME)) ||
        value_time(slice_from(word->text, sizeof(QUEUE_TIME) - 1), &value) != 0 || value == 0)
        build_refuse(build, word, "is not allowed: it is timeout=TIME, as in timeout=60s");
    else
        build->upstream->queue_timeout = (double)value / 1000.0;
}
