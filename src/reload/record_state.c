/* SPDX-License-Identifier: MIT */
/* How a tenant is: by what is in force of it, and where it listens. */
#include "reload/record_state.h"

#include "base/error.h"

unsigned record_count_bound(const struct record *record)
{
    unsigned bound = 0;

    LISTENERS_FOREACH (listener, &record->sockets)
        bound += listener->state == LISTENER_BOUND && !listener->lacking;
    return bound;
}

static unsigned record_count_absent(const struct record *record)
{
    unsigned absent = 0;

    LISTENERS_FOREACH (listener, &record->sockets)
        absent += listener->is_absent;
    return absent;
}

enum record_state record_state(const struct record *record)
{
    if (!record_is_in_force(record))
        return record->is_refused ? RECORD_REFUSED : RECORD_WAITING;
    if (record->sockets.trouble)
        return record->sockets.is_blocked ? RECORD_BLOCKED : RECORD_WAITING;
    return record_count_bound(record) - record_count_absent(record) < record->plan.listener_count
               ? RECORD_DEGRADED
               : RECORD_SERVING;
}

const char *record_state_name(const struct record *record)
{
    static const char *const names[] = {[RECORD_SERVING] = "serving",
                                        [RECORD_DEGRADED] = "degraded",
                                        [RECORD_WAITING] = "waiting",
                                        [RECORD_BLOCKED] = "blocked",
                                        [RECORD_REFUSED] = "refused"};

    return names[record_state(record)];
}

/* Why its addresses are not all listened on. */
static struct slice record_bind_trouble(const struct record *record, struct arena *arena)
{
    if (!record_is_in_force(record))
        return SLICE("");
    if (record->sockets.trouble)
        return arena_printf(arena, "network namespace %s: %s", record->plan.netns.text,
                            record->sockets.trouble);
    LISTENERS_FOREACH (listener, &record->sockets) {
        if (listener->state != LISTENER_BOUND)
            return arena_printf(arena, "cannot listen on %s: %s", listener->plan->text,
                                listener->error ? error_reason(listener->error)
                                                : "workers still let go of it");
        if (listener->lacking)
            return arena_printf(arena, "listening on %s, but %u of its workers cannot take it: %s",
                                listener->plan->text,
                                (unsigned)__builtin_popcountll(listener->lacking),
                                error_reason(listener->lack));
        if (listener->is_absent)
            return arena_printf(arena,
                                "listening on %s, but network namespace %s has no such "
                                "address",
                                listener->plan->text, record->plan.netns.text);
    }
    return SLICE("");
}

static struct slice record_join(struct slice a, struct slice b, struct arena *arena)
{
    if (a.len == 0 || b.len == 0)
        return a.len == 0 ? b : a;
    return arena_printf(arena, "%.*s; %.*s", SLICE_PRINTF(a), SLICE_PRINTF(b));
}

struct slice record_trouble(const struct record *record, struct arena *arena)
{
    struct slice error = slice_of(record->error ? record->error : "");
    struct slice names = slice_of(record->names_trouble ? record->names_trouble : "");

    return record_join(record_join(error, names, arena), record_bind_trouble(record, arena), arena);
}
