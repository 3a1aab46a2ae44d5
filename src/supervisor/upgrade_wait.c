/* SPDX-License-Identifier: MIT */
/* What an upgrade waits for: found, told once per kind, and given up on. */
#include "upgrade_internal.h"

#include "bindings_internal.h"
#include "deliveries_internal.h"
#include "supervisor_internal.h"
#include "workers_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define UPGRADE_TELL 1.0 /* seconds of waiting for one thing until that is told */

static void wait_set(struct upgrade_wait *wait, enum upgrade_wait_kind kind, const char *format,
                     ...) __attribute__((format(printf, 3, 4)));

static void wait_set(struct upgrade_wait *wait, enum upgrade_wait_kind kind, const char *format,
                     ...)
{
    va_list arguments;

    wait->kind = kind;
    va_start(arguments, format);
    vsnprintf(wait->text, sizeof(wait->text), format, arguments);
    va_end(arguments);
}

static void wait_find_generation(const struct supervisor *supervisor, struct upgrade_wait *wait)
{
    const struct handover *handover = &supervisor->handover;
    unsigned count = 0;

    if (handover->state == HANDOVER_DRAINING) {
        for (unsigned i = 0; i < handover->former.count; i++)
            count += handover->former.workers[i].pid > 0;
        wait_set(wait, UPGRADE_WAITS_DRAIN,
                 "the end of workers that drain (%u of them, at most %.0f s more)", count,
                 generation_drain_left(supervisor));
    } else if (handover->state != HANDOVER_NONE) {
        for (unsigned i = 0; i < supervisor->worker_count; i++)
            count += supervisor->workers[i].state != CHILD_READY ||
                     !worker_is_settled(&supervisor->workers[i]);
        wait_set(wait, UPGRADE_WAITS_WORKERS, "new workers that do not serve yet (%u of them)",
                 count);
    }
}

/* Nothing is on the way to it, or from it. */
static bool wait_worker_is_quiet(const struct child *worker)
{
    if (worker->pid == 0)
        return true;
    return worker->state == CHILD_READY && worker_is_settled(worker) &&
           ipc_channel_queued(worker->channel) == 0;
}

static void wait_find_worker(const struct supervisor *supervisor, struct upgrade_wait *wait)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        const struct child *worker = &supervisor->workers[i];
        const struct record *record = deliveries_working_on(worker);

        if (wait_worker_is_quiet(worker))
            continue;
        if (worker->state != CHILD_READY)
            wait_set(wait, UPGRADE_WAITS_WORKERS, "worker %u, which is not ready", i);
        else if (record)
            wait_set(wait, UPGRADE_WAITS_WORKERS, "worker %u, which has not taken over tenant %s",
                     i, record->name);
        else
            wait_set(wait, UPGRADE_WAITS_WORKERS, "worker %u, which has not been told everything",
                     i);
        return;
    }
}

void upgrade_find_wait(const struct supervisor *supervisor, struct upgrade_wait *wait)
{
    *wait = (struct upgrade_wait){.kind = UPGRADE_WAITS_NOT};
    if (supervisor->round.kind != ROUND_NONE) {
        wait_set(wait, UPGRADE_WAITS_ROUND, "the end of a reload (%u tenants are being examined)",
                 supervisor->examiner.count);
        return;
    }
    wait_find_generation(supervisor, wait);
    if (wait->kind == UPGRADE_WAITS_NOT)
        wait_find_worker(supervisor, wait);
    if (wait->kind == UPGRADE_WAITS_NOT && !bindings_are_settled(supervisor))
        wait_set(wait, UPGRADE_WAITS_ADDRESSES, "addresses that workers have yet to let go of");
    if (wait->kind == UPGRADE_WAITS_NOT && !logging_is_settled(supervisor))
        wait_set(wait, UPGRADE_WAITS_LOG, "the log that is being opened");
    if (wait->kind == UPGRADE_WAITS_NOT && !control_is_quiet(&supervisor->control))
        wait_set(wait, UPGRADE_WAITS_CLIENTS, "clients of the control socket");
}

void upgrade_tell_wait(struct supervisor *supervisor, const struct upgrade_wait *wait)
{
    struct upgrade *upgrade = &supervisor->upgrade;
    double now = loop_now(&supervisor->loop);

    if (wait->kind != upgrade->waits_for) {
        upgrade->waits_for = wait->kind;
        upgrade->waits_since = now;
        upgrade->has_told = false;
    }
    if (upgrade->has_told || now - upgrade->waits_since < UPGRADE_TELL)
        return;
    upgrade->has_told = true;
    log_notice("upgrade: waits for %s", wait->text);
    control_tell_upgrade_waits(&supervisor->control, wait->text);
}
