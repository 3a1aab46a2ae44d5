/* SPDX-License-Identifier: MIT */
/* The answer to -s status. */
#include "status_internal.h"

#include "supervisor/control.h"

#include "control_client_internal.h"
#include "presence_internal.h"
#include "residences_internal.h"
#include "supervisor_internal.h"

#include "version.h"

#include <inttypes.h>
#include <unistd.h>

/* ---- one tenant ---- */

static unsigned status_count_bound(const struct record *record)
{
    unsigned bound = 0;

    for (uint32_t i = 0; i < record->plan.listener_count; i++)
        bound +=
            record->plan.listeners[i].state == LISTENER_BOUND && !record->plan.listeners[i].lacking;
    return bound;
}

static unsigned status_count_absent(const struct record *record)
{
    unsigned absent = 0;

    for (uint32_t i = 0; i < record->plan.listener_count; i++)
        absent += record->plan.listeners[i].is_absent;
    return absent;
}

enum standing status_standing(const struct record *record)
{
    if (!record_is_in_force(record))
        return record->is_refused ? STANDING_REFUSED : STANDING_WAITING;
    if (record->netns_trouble)
        return record->is_blocked ? STANDING_BLOCKED : STANDING_WAITING;
    return status_count_bound(record) - status_count_absent(record) < record->plan.listener_count
               ? STANDING_DEGRADED
               : STANDING_SERVING;
}

const char *status_state(const struct record *record)
{
    static const char *const names[] = {[STANDING_SERVING] = "serving",
                                        [STANDING_DEGRADED] = "degraded",
                                        [STANDING_WAITING] = "waiting",
                                        [STANDING_BLOCKED] = "blocked",
                                        [STANDING_REFUSED] = "refused"};

    return names[status_standing(record)];
}

/* Why its addresses are not all listened on. */
static struct slice status_trouble(const struct record *record, struct arena *arena)
{
    if (!record_is_in_force(record))
        return SLICE("");
    if (record->netns_trouble)
        return arena_printf(arena, "network namespace %s: %s", record->plan.netns.text,
                            record->netns_trouble);
    for (uint32_t i = 0; i < record->plan.listener_count; i++) {
        const struct listener *listener = &record->plan.listeners[i];

        if (listener->state != LISTENER_BOUND)
            return arena_printf(arena, "cannot listen on %s: %s", listener->text,
                                listener->error ? error_reason(listener->error)
                                                : "workers still let go of it");
        if (listener->lacking)
            return arena_printf(arena, "listening on %s, but %u of its workers cannot take it: %s",
                                listener->text, (unsigned)__builtin_popcountll(listener->lacking),
                                error_reason(listener->lack));
        if (listener->is_absent)
            return arena_printf(arena,
                                "listening on %s, but network namespace %s has no such "
                                "address",
                                listener->text, record->plan.netns.text);
    }
    return SLICE("");
}

static struct slice status_join(struct slice a, struct slice b, struct arena *arena)
{
    if (a.len == 0 || b.len == 0)
        return a.len == 0 ? b : a;
    return arena_printf(arena, "%.*s; %.*s", SLICE_PRINTF(a), SLICE_PRINTF(b));
}

struct slice status_error(const struct record *record, struct arena *arena)
{
    struct slice error = slice_of(record->error ? record->error : "");
    struct slice names = slice_of(record->names_trouble ? record->names_trouble : "");

    return status_join(status_join(error, names, arena), status_trouble(record, arena), arena);
}

/* While we hold a socket there: see struct netns_id. */
static uint64_t status_inode(const struct record *record)
{
    return record->residence ? record->residence->id.inode : 0;
}

static void status_say_tenant(struct control_client *client, const struct record *record,
                              struct arena *arena)
{
    const struct plan *plan = &record->plan;
    const struct record_figures *figures = &record->figures;

    control_say(client, SLICE("tenant"), arena_printf(arena, "name=%s", record->name),
                arena_printf(arena, "netns=%s", plan->netns.text ? plan->netns.text : ""),
                arena_printf(arena, "inode=%" PRIu64, status_inode(record)),
                arena_printf(arena, "state=%s", status_state(record)),
                arena_printf(arena, "bound=%u", status_count_bound(record)),
                arena_printf(arena, "listeners=%u", plan->listener_count),
                arena_printf(arena, "connections=%" PRIu64, figures->connections),
                arena_printf(arena, "draining=%" PRIu64, figures->draining),
                arena_printf(arena, "requests=%" PRIu64, figures->requests),
                arena_printf(arena, "expires=%" PRId64, plan->expires),
                arena_printf(arena, "generation=%" PRIu64, record->generation),
                arena_printf(arena, "error=%.*s", SLICE_PRINTF(status_error(record, arena))));
}

/* ---- all ---- */

static void status_say_gateway(struct control_client *client, struct arena *arena)
{
    const struct supervisor *supervisor = client->supervisor;

    control_say(
        client, SLICE("gateway"), SLICE("version=" NSGATE_VERSION),
        arena_printf(arena, "pid=%d", (int)getpid()),
        arena_printf(arena, "uptime=%.0f", loop_now(&supervisor->loop) - supervisor->started),
        arena_printf(arena, "generation=%u", supervisor->generation),
        arena_printf(arena, "workers=%u", supervisor->worker_count),
        arena_printf(arena, "draining=%u", supervisor->handover.former.count),
        arena_printf(arena, "arriving=%d", supervisor->upgrade.is_arriving),
        arena_printf(arena, "connections=%" PRIu64, supervisor->figures.connections),
        arena_printf(arena, "partial=%d", supervisor->figures.is_partial));
}

/* The worst that is to be seen, as a reload would end. */
static int status_judge(const struct record *record, int status)
{
    if (record->is_refused)
        return CONTROL_REFUSED;
    if (status == CONTROL_GOOD &&
        (status_standing(record) != STANDING_SERVING || record->awaits_names))
        return CONTROL_LACKING;
    return status;
}

static void status_say(struct control_client *client)
{
    const struct record *record;
    int status = CONTROL_GOOD;
    struct arena arena;

    arena_init(&arena, 4096);
    status_say_gateway(client, &arena);
    for (record = client->supervisor->registry.records; record; record = record->hh.next) {
        arena_reset(&arena);
        status_say_tenant(client, record, &arena);
        status = status_judge(record, status);
    }
    arena_free(&arena);
    control_end(client, status);
}

void status_ask(struct control_client *client)
{
    client->state = CONTROL_COUNTING;
    presence_look(client->supervisor);
    figures_ask(client->supervisor);
}

void status_on_figures(struct supervisor *supervisor)
{
    struct control_client *client;

    TAILQ_FOREACH (client, &supervisor->control.clients, next) {
        if (client->state == CONTROL_COUNTING)
            status_say(client);
    }
}
