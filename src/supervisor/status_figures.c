/* SPDX-License-Identifier: MIT */
/* Of what is measured, that which -s status tells as lists: requests by code, their durations, and
 * upstreams with servers that are down. */
#include "status_figures_internal.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIGURES_TEXT 2048 /* bytes of a list, which has as many items as a row has cells */

/* "KEY:NUMBER,KEY:NUMBER" as it grows. */
struct figures_list {
    char text[FIGURES_TEXT];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void list_add(struct figures_list *list,
                                                           const char *format, ...)
{
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(list->text + list->len, FIGURES_TEXT - list->len, format, arguments);
    va_end(arguments);
    if (len > 0 && (size_t)len < FIGURES_TEXT - list->len)
        list->len += (size_t)len;
}

static struct slice list_end(const struct figures_list *list, struct arena *arena)
{
    return arena_slice(arena, (struct slice){list->text, list->len});
}

struct slice status_codes(const uint64_t *cells, struct arena *arena)
{
    const struct metric_labels *labels = &metric_sets[METRIC_SET_REQUEST];
    struct figures_list list = {.len = 0};

    for (unsigned code = 0; code < METRIC_CODES; code++) {
        uint64_t count = 0;

        for (unsigned protocol = 0; protocol < METRIC_PROTOCOLS; protocol++)
            count += metrics_value(cells, METRIC_REQUESTS, protocol * METRIC_CODES + code);
        list_add(&list, "%s%s:%" PRIu64, code > 0 ? "," : "", labels->values[1][code], count);
    }
    return list_end(&list, arena);
}

/* A histogram's first cell is the sum of what was observed. */
struct slice status_durations(const uint64_t *cells, struct arena *arena)
{
    struct figures_list list = {.len = 0};
    uint32_t count;
    const uint64_t *bounds = metric_bounds(&count);

    for (uint32_t i = 0; i < count; i++)
        list_add(&list, "%g:%" PRIu64 ",", (double)bounds[i] / 1e9,
                 metrics_value(cells, METRIC_REQUEST_DURATION, 1 + i));
    list_add(&list, "+Inf:%" PRIu64, metrics_value(cells, METRIC_REQUEST_DURATION, 1 + count));
    return list_end(&list, arena);
}

const char *status_outcome(const uint64_t *cells)
{
    const char *const *outcomes = metric_sets[METRIC_SET_RELOAD].values[0];

    for (unsigned i = 0; i < METRIC_RELOAD_OUTCOMES; i++) {
        if (metrics_value(cells, METRIC_LAST_RELOAD, i) != 0)
            return outcomes[i];
    }
    return "";
}

/* ---- upstreams ---- */

uint32_t *status_index_servers(const struct metrics_snapshot *snapshot)
{
    uint32_t *first = memory_alloc((snapshot->tenant_count + 1) * sizeof(*first));

    for (uint32_t i = 0; i < snapshot->tenant_count; i++)
        first[i] = snapshot->part_count;
    for (uint32_t i = snapshot->part_count; i > 0; i--) {
        if (snapshot->parts[i - 1].scope == METRIC_SCOPE_ENDPOINT)
            first[snapshot->parts[i - 1].tenant] = i - 1;
    }
    return first;
}

static void upstream_take(struct status_upstream *upstream, const struct metrics_part *part)
{
    upstream->name = part->name;
    upstream->servers++;
    if (metrics_value(part->cells, METRIC_ENDPOINT_UP, 0) != 0)
        upstream->up++;
    else if (upstream->down_count < STATUS_DOWN)
        upstream->down[upstream->down_count++] = part->name + strlen(part->name) + 1;
}

bool status_next_upstream(const struct metrics_snapshot *snapshot, uint32_t tenant, uint32_t *next,
                          struct status_upstream *upstream)
{
    *upstream = (struct status_upstream){0};
    /* They come scope by scope, tenant by tenant, upstream by upstream. */
    for (; *next < snapshot->part_count; ++*next) {
        const struct metrics_part *part = &snapshot->parts[*next];

        if (part->scope != METRIC_SCOPE_ENDPOINT || part->tenant != tenant ||
            (upstream->name && strcmp(upstream->name, part->name) != 0))
            break;
        if (part->is_live)
            upstream_take(upstream, part);
    }
    return upstream->name;
}
