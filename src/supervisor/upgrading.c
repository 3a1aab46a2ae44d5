/* SPDX-License-Identifier: MIT */
/* What an upgrade is told of the supervisor: what it must wait for, and what the next binary needs.
 */
#include "supervisor_internal.h"

#include "children/generation.h"
#include "children/workers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what it waits for ---- */

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
    const struct handover *handover = &supervisor->children.handover;
    unsigned count = 0;

    if (handover->state == HANDOVER_DRAINING) {
        GENERATION_FOREACH (worker, &handover->former)
            count += worker->pid > 0;
        wait_set(wait, UPGRADE_WAITS_DRAIN,
                 "the end of workers that drain (%u of them, at most %.0f s more)", count,
                 generation_drain_left(&supervisor->children));
    } else if (handover->state != HANDOVER_NONE) {
        GENERATION_FOREACH (worker, &supervisor->children.present)
            count += worker->state != CHILD_READY || !worker_is_settled(worker);
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
    GENERATION_FOREACH (worker, &supervisor->children.present) {
        const struct assignment *assignment = worker_is_working_on(worker);

        if (wait_worker_is_quiet(worker))
            continue;
        if (worker->state != CHILD_READY)
            wait_set(wait, UPGRADE_WAITS_WORKERS, "worker %u, which is not ready", worker->index);
        else if (assignment)
            wait_set(wait, UPGRADE_WAITS_WORKERS, "worker %u, which has not taken over tenant %s",
                     worker->index, assignment->name);
        else
            wait_set(wait, UPGRADE_WAITS_WORKERS, "worker %u, which has not been told everything",
                     worker->index);
        return;
    }
}

static void upgrading_find_wait(void *owner, struct upgrade_wait *wait)
{
    const struct supervisor *supervisor = owner;

    *wait = (struct upgrade_wait){.kind = UPGRADE_WAITS_NOT};
    if (supervisor->reload.kind != RELOAD_NONE) {
        wait_set(wait, UPGRADE_WAITS_ROUND, "the end of a reload (%u tenants are being examined)",
                 supervisor->reload.examiner.count);
        return;
    }
    wait_find_generation(supervisor, wait);
    if (wait->kind == UPGRADE_WAITS_NOT)
        wait_find_worker(supervisor, wait);
    if (wait->kind == UPGRADE_WAITS_NOT && !sockets_are_settled(&supervisor->sockets))
        wait_set(wait, UPGRADE_WAITS_ADDRESSES, "addresses that workers have yet to let go of");
    if (wait->kind == UPGRADE_WAITS_NOT && !logging_is_settled(supervisor))
        wait_set(wait, UPGRADE_WAITS_LOG, "the log that is being opened");
    if (wait->kind == UPGRADE_WAITS_NOT && !control_is_quiet(&supervisor->control))
        wait_set(wait, UPGRADE_WAITS_CLIENTS, "clients of the control socket");
}

static bool upgrading_end_resolver(void *owner)
{
    struct child *resolver = &((struct supervisor *)owner)->children.resolver;

    if (resolver->pid > 0 && child_is_up(resolver))
        child_dismiss(resolver);
    return resolver->pid == 0;
}

/* ---- what the next binary is told ---- */

static void upgrading_gather(void *owner, struct state *state, struct wire_writer *settings)
{
    struct supervisor *supervisor = owner;

    *state = (struct state){.config = slice_of(supervisor->config),
                            .identity = supervisor->children.identity,
                            .pid_path = slice_of(supervisor->pid.path),
                            .pid_fd = supervisor->pid.fd,
                            .log_fd = supervisor->children.log_fd,
                            .tally_fd = supervisor->children.tally_fd,
                            .control_path = slice_of(supervisor->control.path),
                            .control_fd = supervisor->control.path ? supervisor->control.fd : -1,
                            .upgrades = supervisor->upgrade.count,
                            .started = (uint64_t)(supervisor->started * 1000.),
                            .round = supervisor->reload.number,
                            .effective = supervisor->reload.effective,
                            .ipc_version = IPC_VERSION};
    state->rotation = (uint32_t)ev_timer_remaining(supervisor->loop.ev, &supervisor->rotation);
    settings_put(settings, supervisor->settings);
}

static void upgrading_put_rest(void *owner, struct wire_writer *writer)
{
    const struct supervisor *supervisor = owner;

    children_put(writer, &supervisor->children);
    registry_put(writer, &supervisor->registry);
    namespaces_put(writer, &supervisor->namespaces);
}

static void upgrading_each_descriptor(void *owner, void (*act)(int *fd, void *context),
                                      void *context)
{
    struct supervisor *supervisor = owner;

    children_each_descriptor(&supervisor->children, act, context);
    registry_each_descriptor(&supervisor->registry, act, context);
}

/* ---- what becomes of it ---- */

static void upgrading_waits(void *owner, const char *text)
{
    control_tell_upgrade_waits(&((struct supervisor *)owner)->control, text);
}

/* A reload that was held up is done now. */
static void upgrading_refused(void *owner, const char *why)
{
    struct supervisor *supervisor = owner;

    control_tell_upgrade_refused(&supervisor->control, why);
    reloading_see_to_resolver(supervisor); /* who follows containers was dismissed */
    reload_begin_held(&supervisor->reload);
}

const struct upgrade_events supervisor_upgrade_events = {
    .find_wait = upgrading_find_wait,
    .end_resolver = upgrading_end_resolver,
    .gather = upgrading_gather,
    .put_rest = upgrading_put_rest,
    .each_descriptor = upgrading_each_descriptor,
    .waits = upgrading_waits,
    .refused = upgrading_refused,
};
