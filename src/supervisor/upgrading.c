/* SPDX-License-Identifier: MIT */
/* What an upgrade is told of the supervisor: what the next binary needs. */
#include "supervisor_internal.h"

static void upgrading_end_resolver(void *owner)
{
    struct child *resolver = &((struct supervisor *)owner)->children.resolver;

    if (resolver->pid > 0 && child_is_up(resolver))
        child_dismiss(resolver);
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
                            .reload = supervisor->reload.number,
                            .effective = supervisor->reload.effective,
                            .ipc_version = IPC_VERSION};
    state->rotation = (uint32_t)ev_timer_remaining(supervisor->loop.ev, &supervisor->rotation);
    settings_put(settings, supervisor->settings);
}

static void upgrading_put_rest(void *owner, struct wire_writer *writer)
{
    const struct supervisor *supervisor = owner;

    children_put(writer, &supervisor->children);
    figures_put(writer, &supervisor->children.figures);
    registry_put(writer, &supervisor->registry);
    access_logs_put(writer, &supervisor->access_logs);
    namespaces_put(writer, &supervisor->namespaces);
}

static void upgrading_each_descriptor(void *owner, void (*act)(int *fd, void *context),
                                      void *context)
{
    struct supervisor *supervisor = owner;

    log_rings_each_descriptor(&supervisor->access_logs.rings, act, context);
    children_each_descriptor(&supervisor->children, act, context);
    figures_each_descriptor(&supervisor->children.figures, act, context);
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

    control_refuse_each(&supervisor->control, CONTROL_UPGRADING, why);
    reloading_see_to_resolver(supervisor); /* who follows containers was dismissed */
    reload_begin_held(&supervisor->reload);
}

const struct upgrade_events supervisor_upgrade_events = {
    .end_resolver = upgrading_end_resolver,
    .gather = upgrading_gather,
    .put_rest = upgrading_put_rest,
    .each_descriptor = upgrading_each_descriptor,
    .waits = upgrading_waits,
    .refused = upgrading_refused,
};
