/* SPDX-License-Identifier: MIT */
/* Tenants that are tried again, ever more rarely. */
#include "reload/retry.h"

#include "conflicts_internal.h"

#include "base/container_of.h"

#define RETRY_FIRST 1.0   /* seconds until the first one; doubled for each one more */
#define RETRY_MOST  300.0 /* seconds */
#define RETRY_NAMED 30.0  /* the same for names */
#define RETRY_TICK  0.5   /* seconds between looks, while there is anything to look for */

void retry_forget(struct record *record)
{
    record->retry.at = 0.;
    dependencies_free(&record->retry.dependencies);
}

void retry_end(struct record *record)
{
    if (record->retry.reason != RETRY_NAMES)
        return;
    retry_forget(record);
    record->retry.pause = 0.;
}

static void retries_watch(struct retries *retries)
{
    if (deadline_is_set(&retries->tick) || retries->is_off)
        return;
    deadline_set(&retries->tick, RETRY_TICK);
}

/* With a pause that is twice the one before. */
static void retry_arm(struct retries *retries, struct retry *retry)
{
    double most = retry->reason == RETRY_NAMES ? RETRY_NAMED : RETRY_MOST;

    retry->pause = retry->pause > 0. ? 2. * retry->pause : RETRY_FIRST;
    if (retry->pause > most)
        retry->pause = most;
    retry->at = loop_now(retries->loop) + retry->pause;
    retries_watch(retries);
}

void retry_later(struct retries *retries, struct record *record, enum retry_reason reason,
                 struct dependencies *dependencies)
{
    struct retry *retry = &record->retry;

    if (retries->is_off)
        return;
    retry_forget(record);
    if (dependencies) {
        retry->dependencies = *dependencies;
        *dependencies = (struct dependencies){0};
    }
    if (retry->reason != reason)
        retry->pause = 0.;
    retry->reason = reason;
    retry_arm(retries, retry);
    log_write(reason == RETRY_NAMES ? LOG_LEVEL_INFO : LOG_LEVEL_NOTICE,
              "tenant %s: is tried again in %g s", record->name, retry->pause);
}

/* The files of what is tried or will be, empty for those in force. NULL: nothing is. */
static const struct dependencies *retry_pending(const struct record *record)
{
    if (record->examination)
        return &record->examination->plan.dependencies;
    if (record->contender)
        return &record->contender->plan.dependencies;
    return record->retry.at > 0. ? &record->retry.dependencies : NULL;
}

void retry_put(struct wire_writer *writer, const struct record *record)
{
    const struct dependencies *pending = retry_pending(record);

    wire_put_u8(writer, (uint8_t)record->retry.reason);
    wire_put_u32(writer, (uint32_t)record->retry.pause);
    wire_put_bool(writer, pending);
    if (pending)
        dependencies_put(writer, pending);
}

/* Its time is the new binary's to set: retries_resume. */
void retry_get(struct wire_reader *reader, struct retry *retry)
{
    uint8_t reason = wire_get_u8(reader);

    retry->reason = (enum retry_reason)reason;
    retry->pause = wire_get_u32(reader);
    wire_require(reader, reason <= RETRY_NAMES);
    if (!wire_get_bool(reader))
        return;
    retry->at = 1.;
    dependencies_get(reader, &retry->dependencies);
}

void retries_resume(struct retries *retries)
{
    REGISTRY_FOREACH (record, retries->registry) {
        if (record->retry.at > 0.)
            retry_arm(retries, &record->retry);
    }
}

/* Other files are for a reload, but these may come back: a folder may be away for a moment. */
static void retry_try(struct retries *retries, struct record *record)
{
    const struct dependencies *own = &record->retry.dependencies;
    bool is_same = dependencies_look_the_same(own->count > 0 ? own : &record->plan.dependencies,
                                              &config_files);

    if (!is_same) {
        retry_arm(retries, &record->retry);
        return;
    }
    retry_forget(record);
    log_info("tenant %s: is tried again", record->name);
    retries->events->try(retries->owner, record);
}

static void retries_on_tick(struct deadline *tick)
{
    struct retries *retries = CONTAINER_OF(tick, struct retries, tick);
    double now = loop_now(retries->loop);
    bool is_wanted = false;

    REGISTRY_FOREACH (record, retries->registry) {
        if (record->retry.at > 0. && record->retry.at <= now &&
            retries->events->may_try(retries->owner))
            retry_try(retries, record);
        is_wanted = is_wanted || record->retry.at > 0.;
    }
    if (is_wanted)
        retries_watch(retries);
}

void retries_init(struct retries *retries, struct registry *registry, struct loop *loop,
                  const struct retry_events *events, void *owner)
{
    *retries =
        (struct retries){.registry = registry, .loop = loop, .events = events, .owner = owner};
    deadline_init(&retries->tick, loop, retries_on_tick);
}

void retries_stop(struct retries *retries)
{
    deadline_stop(&retries->tick);
    retries->is_off = true;
}
