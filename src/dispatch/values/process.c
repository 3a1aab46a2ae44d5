/* SPDX-License-Identifier: MIT */
/* Variables of time and of this process. What all exchanges of a worker have in common is made
 * once: the texts of a time once a second. */
#include "dispatch_internal.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct dispatch_shared *dispatch_shared_new(const struct dispatch_log *log)
{
    struct dispatch_shared *shared = memory_zeroed(1, sizeof(*shared));
    shared->log = *log;
    if (gethostname(shared->hostname, sizeof(shared->hostname) - 1) != 0)
        shared->hostname[0] = '\0';
    /* As nginx does. */
    for (char *at = shared->hostname; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    snprintf(shared->pid, sizeof(shared->pid), "%ld", (long)getpid());
    shared->second = -1;
    return shared;
}

void dispatch_shared_free(struct dispatch_shared *shared)
{
    free(shared->line);
    free(shared);
}

/* strftime's %z has no colon, which nginx's ISO 8601 has. */
static void make_times(struct dispatch_shared *shared, time_t now)
{
    struct tm parts;
    char zone[8];
    localtime_r(&now, &parts);
    strftime(shared->local, sizeof(shared->local), "%d/%b/%Y:%H:%M:%S %z", &parts);
    size_t len = strftime(shared->iso, sizeof(shared->iso), "%Y-%m-%dT%H:%M:%S", &parts);
    strftime(zone, sizeof(zone), "%z", &parts);
    snprintf(shared->iso + len, sizeof(shared->iso) - len, "%.3s:%.2s", zone, zone + 3);
    shared->second = now;
}

struct slice process_value(struct dispatch *dispatch, enum config_variable variable)
{
    struct dispatch_shared *shared = dispatch->shared;
    double wall = loop_wall(dispatch->exchange->loop);
    if (variable == VARIABLE_MSEC)
        return value_seconds(dispatch, wall);
    if (shared->second != (time_t)wall)
        make_times(shared, (time_t)wall);
    /* The next second overwrites them. */
    struct arena *arena = &dispatch->exchange->arena;
    switch (variable) {
    case VARIABLE_TIME_ISO8601:
        return arena_slice(arena, slice_of(shared->iso));
    case VARIABLE_TIME_LOCAL:
        return arena_slice(arena, slice_of(shared->local));
    case VARIABLE_HOSTNAME:
        return slice_of(shared->hostname);
    default:
        return slice_of(shared->pid);
    }
}
