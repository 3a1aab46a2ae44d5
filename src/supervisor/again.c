/* SPDX-License-Identifier: MIT */
/* Tenants that are tried again, ever more rarely. */
#include "again_internal.h"

#include "contest_internal.h"
#include "examine_internal.h"
#include "supervisor_internal.h"

#define AGAIN_FIRST 1.0   /* seconds until the first one; doubled for each one more */
#define AGAIN_MOST  300.0 /* seconds */
#define AGAIN_NAMED 30.0  /* the same for names */
#define AGAIN_TICK  0.5   /* seconds between looks, while there is anything to look for */

void again_forget(struct record *record)
{
    record->again.at = 0.;
    dependencies_free(&record->again.dependencies);
}

void again_end(struct record *record)
{
    if (record->again.reason != AGAIN_NAMES)
        return;
    again_forget(record);
    record->again.pause = 0.;
}

static void again_watch(struct supervisor *supervisor)
{
    if (ev_is_active(&supervisor->again) || supervisor->state != SUPERVISOR_RUNNING)
        return;
    ev_timer_set(&supervisor->again, AGAIN_TICK, 0.);
    ev_timer_start(supervisor->loop.ev, &supervisor->again);
}

/* With a pause that is twice the one before. */
static void again_arm(struct supervisor *supervisor, struct again *again)
{
    double most = again->reason == AGAIN_NAMES ? AGAIN_NAMED : AGAIN_MOST;

    again->pause = again->pause > 0. ? 2. * again->pause : AGAIN_FIRST;
    if (again->pause > most)
        again->pause = most;
    again->at = loop_now(&supervisor->loop) + again->pause;
    again_watch(supervisor);
}

void again_later(struct supervisor *supervisor, struct record *record, enum again_reason reason,
                 struct dependencies *dependencies)
{
    struct again *again = &record->again;

    if (supervisor->round.kind == ROUND_TEST)
        return;
    again_forget(record);
    if (dependencies) {
        again->dependencies = *dependencies;
        *dependencies = (struct dependencies){0};
    }
    if (again->reason != reason)
        again->pause = 0.;
    again->reason = reason;
    again_arm(supervisor, again);
    log_write(reason == AGAIN_NAMES ? LOG_LEVEL_INFO : LOG_LEVEL_NOTICE,
              "tenant %s: is tried again in %g s", record->name, again->pause);
}

/* The files of what is tried or will be, empty for those in force. NULL: nothing is. */
static const struct dependencies *again_pending(const struct record *record)
{
    if (record->examination)
        return &record->examination->plan.dependencies;
    if (record->contender)
        return &record->contender->plan.dependencies;
    return record->again.at > 0. ? &record->again.dependencies : NULL;
}

void again_put(struct wire_writer *writer, const struct record *record)
{
    const struct dependencies *pending = again_pending(record);

    wire_put_u8(writer, (uint8_t)record->again.reason);
    wire_put_u32(writer, (uint32_t)record->again.pause);
    wire_put_bool(writer, pending != NULL);
    if (pending)
        dependencies_put(writer, pending);
}

/* Its time is the new binary's to set: again_resume. */
void again_get(struct wire_reader *reader, struct again *again)
{
    uint8_t reason = wire_get_u8(reader);

    again->reason = (enum again_reason)reason;
    again->pause = wire_get_u32(reader);
    if (reason > AGAIN_NAMES)
        reader->failed = true;
    if (!wire_get_bool(reader))
        return;
    again->at = 1.;
    dependencies_get(reader, &again->dependencies);
}

void again_resume(struct supervisor *supervisor)
{
    struct record *record;

    for (record = supervisor->registry.records; record; record = record->hh.next) {
        if (record->again.at > 0.)
            again_arm(supervisor, &record->again);
    }
}

/* Other files are for a reload, but these may come back: a folder may be away for a moment. */
static void again_try(struct supervisor *supervisor, struct record *record)
{
    const struct dependencies *own = &record->again.dependencies;
    bool is_same = dependencies_look_the_same(own->count > 0 ? own : &record->plan.dependencies,
                                              &config_files);

    if (!is_same) {
        again_arm(supervisor, &record->again);
        return;
    }
    again_forget(record);
    log_info("tenant %s: is tried again", record->name);
    round_try_again(supervisor, record);
}

/* Rounds look into all that is refused, also the one behind an upgrade; and an upgrade is about
 * what is in force. */
static bool again_must_wait(const struct supervisor *supervisor)
{
    return supervisor->round.kind != ROUND_NONE || supervisor->upgrade.state != UPGRADE_NONE ||
           supervisor->upgrade.is_arriving;
}

static void again_on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;
    double now = loop_now(&supervisor->loop);
    struct record *record;
    bool is_wanted = false;

    (void)events;
    ev_timer_stop(ev, timer);
    for (record = supervisor->registry.records; record; record = record->hh.next) {
        if (record->again.at > 0. && record->again.at <= now && !again_must_wait(supervisor))
            again_try(supervisor, record);
        is_wanted = is_wanted || record->again.at > 0.;
    }
    if (is_wanted)
        again_watch(supervisor);
}

void again_init(struct supervisor *supervisor)
{
    ev_timer_init(&supervisor->again, again_on_tick, 0., 0.);
    supervisor->again.data = supervisor;
}

void again_stop(struct supervisor *supervisor)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->again);
}
