/* SPDX-License-Identifier: MIT */
/* Which location a path is for: exact and prefix patterns sorted, expressions in the file's order.
 */
#include "tenant_internal.h"

#include <stdlib.h>

#define NO_PARENT UINT32_MAX

struct path_entry {
    uint32_t location; /* index into the server's locations */
    uint32_t parent;   /* of prefixes: the entry with the longest proper prefix of this pattern */
};

struct tenant_paths {
    struct path_entry *exact;    /* sorted by pattern */
    struct path_entry *prefixes; /* sorted by pattern */
    uint32_t *regexes;           /* locations, in the file's order */
    uint32_t exact_count;
    uint32_t prefix_count;
    uint32_t regex_count;
};

static struct slice pattern_of(const struct tenant_server *server, const struct path_entry *entry)
{
    return server->locations[entry->location].config->pattern;
}

static int entry_compare(const void *left, const void *right, void *argument)
{
    const struct path_entry *a = left, *b = right;
    int order = slice_compare(pattern_of(argument, a), pattern_of(argument, b));
    return order != 0 ? order : (a->location > b->location) - (a->location < b->location);
}

static void sort_entries(struct tenant_server *server, struct path_entry *entries, uint32_t count)
{
    if (count > 0)
        qsort_r(entries, count, sizeof(*entries), entry_compare, server);
}

/* In sorted order all patterns between a prefix and what it is a prefix of begin with it, so the
 * parent is the entry before, or one of that one's parents. */
static void link_parents(const struct tenant_server *server, struct tenant_paths *paths)
{
    for (uint32_t i = 0; i < paths->prefix_count; i++) {
        struct slice pattern = pattern_of(server, &paths->prefixes[i]);
        uint32_t parent = i > 0 ? i - 1 : NO_PARENT;
        while (parent != NO_PARENT &&
               !slice_starts_with(pattern, pattern_of(server, &paths->prefixes[parent])))
            parent = paths->prefixes[parent].parent;
        paths->prefixes[i].parent = parent;
    }
}

void tenant_locations_build(struct tenant *tenant, struct tenant_server *server,
                            struct diag_list *diags)
{
    struct arena *arena = &tenant->config.arena;
    const struct config_server *config = server->config;
    struct tenant_paths *paths = ARENA_NEW(arena, struct tenant_paths);
    uint32_t exact = 0, regexes = 0;
    for (uint32_t i = 0; i < config->location_count; i++) {
        exact += config->locations[i].kind == LOCATION_EXACT;
        regexes += config->locations[i].kind == LOCATION_REGEX ||
                   config->locations[i].kind == LOCATION_REGEX_NOCASE;
    }
    uint32_t prefixes = config->location_count - exact - regexes;
    server->locations = ARENA_ARRAY(arena, struct tenant_location, config->location_count);
    server->paths = paths;
    paths->exact = ARENA_ARRAY(arena, struct path_entry, exact);
    paths->prefixes = ARENA_ARRAY(arena, struct path_entry, prefixes);
    paths->regexes = ARENA_ARRAY(arena, uint32_t, regexes);
    if (regexes > 0 && !tenant->regexes)
        tenant->regexes = tenant_regexes_new(tenant->config.name);

    for (uint32_t i = 0; i < config->location_count; i++) {
        struct tenant_location *location = &server->locations[i];
        location->config = &config->locations[i];
        switch (location->config->kind) {
        case LOCATION_EXACT:
            paths->exact[paths->exact_count++].location = i;
            break;
        case LOCATION_PREFIX:
        case LOCATION_PREFIX_FINAL:
            paths->prefixes[paths->prefix_count++].location = i;
            break;
        case LOCATION_REGEX:
        case LOCATION_REGEX_NOCASE:
            location->regex = tenant_regex_for_location(tenant->regexes, location->config, diags);
            paths->regexes[paths->regex_count++] = i;
            break;
        }
    }
    sort_entries(server, paths->exact, paths->exact_count);
    sort_entries(server, paths->prefixes, paths->prefix_count);
    link_parents(server, paths);
}

/* How many entries are at most the path in order. */
static uint32_t count_up_to(const struct tenant_server *server, const struct path_entry *entries,
                            uint32_t count, struct slice path)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (slice_compare(pattern_of(server, &entries[middle]), path) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct tenant_location *find_exact(const struct tenant_server *server,
                                                struct slice path)
{
    const struct tenant_paths *paths = server->paths;
    uint32_t end = count_up_to(server, paths->exact, paths->exact_count, path);
    if (end == 0 || !slice_equal(pattern_of(server, &paths->exact[end - 1]), path))
        return NULL;
    return &server->locations[paths->exact[end - 1].location];
}

static const struct tenant_location *find_prefix(const struct tenant_server *server,
                                                 struct slice path)
{
    const struct tenant_paths *paths = server->paths;
    uint32_t end = count_up_to(server, paths->prefixes, paths->prefix_count, path);
    uint32_t at = end > 0 ? end - 1 : NO_PARENT;
    while (at != NO_PARENT) {
        if (slice_starts_with(path, pattern_of(server, &paths->prefixes[at])))
            return &server->locations[paths->prefixes[at].location];
        at = paths->prefixes[at].parent;
    }
    return NULL;
}

const struct tenant_location *tenant_find_location(const struct tenant_server *server,
                                                   struct slice path)
{
    const struct tenant_location *found = find_exact(server, path);
    if (found)
        return found;
    found = find_prefix(server, path);
    if (found && found->config->kind == LOCATION_PREFIX_FINAL)
        return found;
    for (uint32_t i = 0; i < server->paths->regex_count; i++) {
        const struct tenant_location *location = &server->locations[server->paths->regexes[i]];
        enum tenant_match match = tenant_regex_match(location->regex, path);
        if (match == MATCH_YES)
            return location;
        /* Going on could walk past a location that forbids. */
        if (match == MATCH_FAILED)
            return NULL;
    }
    return found;
}

/* How the pattern sorts against the path with a slash behind it. */
static int compare_slashed(struct slice pattern, struct slice path)
{
    int order = slice_compare(slice_head(pattern, path.len), path);
    return order != 0 ? order : slice_compare(slice_from(pattern, path.len), SLICE("/"));
}

/* The location whose pattern is the path with a slash behind it; NULL: none. */
static const struct tenant_location *find_slashed(const struct tenant_server *server,
                                                  const struct path_entry *entries, uint32_t count,
                                                  struct slice path)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct path_entry *entry = &entries[middle];
        int order = compare_slashed(pattern_of(server, entry), path);
        if (order == 0)
            return &server->locations[entry->location];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool is_proxied(const struct tenant_location *location)
{
    return location && location->config->has_proxy;
}

bool tenant_wants_slash(const struct tenant_server *server, struct slice path)
{
    const struct tenant_paths *paths = server->paths;
    const struct tenant_location *longest = find_prefix(server, path);
    if (path.len == 0 || path.data[path.len - 1] == '/' || find_exact(server, path) ||
        (longest && slice_equal(longest->config->pattern, path)))
        return false;
    return is_proxied(find_slashed(server, paths->prefixes, paths->prefix_count, path)) ||
           is_proxied(find_slashed(server, paths->exact, paths->exact_count, path));
}
