/* SPDX-License-Identifier: MIT */
/* The lines of -s status. */
#include "control/status.h"

#include "control_internal.h"

#include "base/arena.h"
#include "version.h"

#include <inttypes.h>
#include <unistd.h>

#define STATUS_LINE  4096 /* bytes of one, mostly */
#define STATUS_ERROR 1024 /* of a tenant's error: one tenant's must not hide the others */

void status_tell_gateway(struct control *control, const struct status_gateway *gateway)
{
    struct arena arena;

    arena_init(&arena, STATUS_LINE);
    control_say_each(control, CONTROL_COUNTING, SLICE("gateway"), SLICE("version=" NSGATE_VERSION),
                     arena_printf(&arena, "state=%s", gateway->state),
                     arena_printf(&arena, "pid=%d", (int)getpid()),
                     arena_printf(&arena, "uptime=%.0f", gateway->uptime),
                     arena_printf(&arena, "sandbox=%s", gateway->sandbox),
                     arena_printf(&arena, "landlock=%u", gateway->landlock),
                     arena_printf(&arena, "generation=%u", gateway->generation),
                     arena_printf(&arena, "workers=%u", gateway->workers),
                     arena_printf(&arena, "ready=%u", gateway->ready),
                     arena_printf(&arena, "draining=%u", gateway->draining),
                     arena_printf(&arena, "arriving=%d", gateway->is_arriving),
                     arena_printf(&arena, "connections=%" PRIu64, gateway->connections),
                     SLICE("partial=0"), arena_printf(&arena, "reload=%s", gateway->last_reload),
                     arena_printf(&arena, "reloaded=%" PRId64, gateway->reloaded));
    arena_free(&arena);
}

/* Between two characters: JSON has no halves. */
static struct slice status_error(struct slice error)
{
    size_t len = error.len > STATUS_ERROR ? STATUS_ERROR : error.len;

    while (len > 0 && len < error.len && ((unsigned char)error.data[len] & 0xc0) == 0x80)
        len--;
    return slice_head(error, len);
}

void status_tell_tenant(struct control *control, const struct status_tenant *tenant)
{
    struct slice error = status_error(tenant->error);
    struct arena arena;

    arena_init(&arena, STATUS_LINE);
    control_say_each(control, CONTROL_COUNTING, SLICE("tenant"),
                     arena_printf(&arena, "name=%s", tenant->name),
                     arena_printf(&arena, "netns=%s", tenant->netns),
                     arena_printf(&arena, "inode=%" PRIu64, tenant->inode),
                     arena_printf(&arena, "state=%s", tenant->state),
                     arena_printf(&arena, "bound=%u", tenant->bound),
                     arena_printf(&arena, "listeners=%u", tenant->listeners),
                     arena_printf(&arena, "connections=%" PRIu64, tenant->connections),
                     arena_printf(&arena, "draining=%" PRIu64, tenant->draining),
                     arena_printf(&arena, "requests=%" PRIu64, tenant->requests),
                     arena_printf(&arena, "codes=%.*s", SLICE_PRINTF(tenant->codes)),
                     arena_printf(&arena, "durations=%.*s", SLICE_PRINTF(tenant->durations)),
                     arena_printf(&arena, "refused=%" PRIu64, tenant->refused),
                     arena_printf(&arena, "expires=%" PRId64, tenant->expires),
                     arena_printf(&arena, "generation=%" PRIu64, tenant->generation),
                     arena_printf(&arena, "error=%.*s%s", SLICE_PRINTF(error),
                                  error.len < tenant->error.len ? "..." : ""));
    arena_free(&arena);
}

void status_tell_upstream(struct control *control, const struct status_upstream *upstream)
{
    struct slice fields[5 + STATUS_DOWN] = {SLICE("upstream")};
    size_t count = 1;
    struct arena arena;

    if (upstream->up == upstream->servers)
        return;
    arena_init(&arena, STATUS_LINE);
    fields[count++] = arena_printf(&arena, "tenant=%s", upstream->tenant);
    fields[count++] = arena_printf(&arena, "upstream=%s", upstream->name);
    fields[count++] = arena_printf(&arena, "servers=%u", upstream->servers);
    fields[count++] = arena_printf(&arena, "up=%u", upstream->up);
    for (unsigned i = 0; i < upstream->down_count; i++)
        fields[count++] = arena_printf(&arena, "down=%s", upstream->down[i]);
    control_put_each(control, CONTROL_COUNTING, fields, count);
    arena_free(&arena);
}
