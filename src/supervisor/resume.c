/* SPDX-License-Identifier: MIT */
/* The new binary's side of an upgrade: the state becomes a supervisor again, which starts workers
 * of its own beside those that it finds. */
#include "supervisor/supervisor.h"

#include "supervisor_internal.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/memory.h"
#include "children/generation.h"
#include "children/workers.h"
#include "daemon/privileges.h"
#include "ipc/sealed.h"

#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct resume {
    struct supervisor supervisor;
    struct pending_waiter arrival; /* until all of the upgrade is done */
    bool is_announced;             /* our own workers serve */
};

/* ---- descriptors ---- */

/* One that came over execve(2) is open, and not close-on-exec unless it was named before. */
static void resume_arm(int *fd, void *context)
{
    (void)context;
    if (fcntl(*fd, F_GETFD) != 0) {
        log_error("descriptor %d did not come along", *fd);
        *fd = -1;
        return;
    }
    fcntl(*fd, F_SETFD, FD_CLOEXEC);
}

static bool resume_is_listening(int fd)
{
    socklen_t len = sizeof(int);
    int listening = 0;

    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
           listening != 0;
}

/* The tenant may have killed one meanwhile: it is bound anew. So is one that waited for its address
 * in the host's namespace: no news of that namespace will come. */
static void resume_check_listeners(struct supervisor *supervisor)
{
    REGISTRY_FOREACH (record, &supervisor->registry) {
        LISTENERS_FOREACH (listener, &record->sockets) {
            if (resume_is_listening(listener->fd) ||
                (listener->state != LISTENER_BOUND && record->plan.netns.kind != NETNS_HOST))
                continue;
            descriptor_close(listener->fd);
            listener->fd = -1;
            listener->state = LISTENER_DEGRADED;
        }
    }
    sockets_retry(&supervisor->sockets);
}

/* ---- taking the state ---- */

static int resume_take_settings(struct supervisor *supervisor, const struct state *state)
{
    struct diag_list diags;

    diag_list_init(&diags);
    supervisor->settings =
        settings_get(supervisor->config, state->settings, &state->identity, &diags);
    if (!supervisor->settings)
        report_diags(&supervisor->reload, NULL, &diags);
    diag_list_free(&diags);
    supervisor->children.identity = state->identity;
    if (!supervisor->settings)
        return -1;
    reloading_apply_settings(supervisor);
    return 0;
}

static void resume_take_log(struct supervisor *supervisor, const struct state *state)
{
    supervisor->children.log_fd = state->log_fd;
    log_set_level(supervisor->settings->model.log_level);
    log_set_sink(log_sink_of(state->log_fd), state->log_fd);
}

static int resume_take_pid(struct supervisor *supervisor, const struct state *state)
{
    char *path = memory_slice_text(state->pid_path);
    char text[SETTING_TEXT];
    int result = 0;

    if (state->pid_fd >= 0) {
        supervisor->pid.path = memory_text(path);
        supervisor->pid.fd = state->pid_fd;
    } else {
        result = pid_file_take(&supervisor->pid, path, text, sizeof(text));
    }
    if (result < 0)
        log_error("%s", text);
    free(path);
    return result;
}

/* One of another version may have another form: then the counting begins anew. */
static int resume_take_tally(struct children *children, const struct state *state)
{
    children->tally = state->tally_fd >= 0 ? tally_keep(state->tally_fd) : NULL;
    children->tally_fd = state->tally_fd;
    if (children->tally)
        return 0;
    descriptor_close(state->tally_fd);
    children->tally = tally_new(&children->tally_fd);
    return children->tally ? 0 : -1;
}

static void resume_take_workers(struct children *children, const struct children_state *state,
                                uint32_t ipc_version)
{
    struct generation former = {.half = state->half};

    children->generation = state->generation;
    if (state->count == 0)
        return;
    former.count = state->workers[state->count - 1].index + 1;
    former.workers = memory_zeroed(former.count, sizeof(former.workers[0]));
    for (uint32_t i = 0; i < former.count; i++)
        worker_init(&former.workers[i], children, i, former.half);
    for (uint32_t i = 0; i < state->count; i++) {
        const struct worker_state *worker = &state->workers[i];
        struct child *child = &former.workers[worker->index];

        child_inherit(child, worker->pid, worker->channel, ipc_version == IPC_VERSION);
        child->heartbeat.asked = worker->asked;
        child->heartbeat.answered = worker->answered;
    }
    generation_inherit(children, &former);
}

static bool resume_is_alive(void *owner, uint32_t column)
{
    const struct children_state *workers = owner;

    for (uint32_t i = 0; i < workers->count; i++) {
        if (tally_column(workers->half, workers->workers[i].index) == column)
            return true;
    }
    return false;
}

static void resume_take_control(struct supervisor *supervisor, const struct state *state)
{
    char *path = memory_slice_text(state->control_path);

    if (state->control_fd >= 0)
        control_adopt(&supervisor->control, state->control_fd, path);
    free(path);
}

/* Each tenant has the numbers that its workers of before know. What no worker writes to any more is
 * read all the same. */
static void resume_take_logs(struct supervisor *supervisor)
{
    struct log_ring *ring;

    REGISTRY_FOREACH (record, &supervisor->registry)
        access_logs_follow(&supervisor->access_logs, record);
    TAILQ_FOREACH (ring, &supervisor->access_logs.rings.all, next) {
        bool is_written = false;

        GENERATION_FOREACH (worker, &supervisor->children.handover.former)
            is_written = is_written || (worker->pid > 0 &&
                                        ring->column == tally_column(worker->half, worker->index));
        if (!is_written)
            ring->column = LOG_RING_ENDED;
    }
}

/* What has gone or come meanwhile is closed and bound now. */
static void resume_take_namespaces(struct supervisor *supervisor, struct wire_reader *rest)
{
    namespaces_start(&supervisor->namespaces);
    REGISTRY_FOREACH (record, &supervisor->registry)
        sockets_resume(&supervisor->sockets, &record->sockets);
    namespaces_get(rest, &supervisor->namespaces);
    if (wire_finish(rest) != 0)
        log_error("the state's end is damaged: namespaces are looked for anew");
    namespaces_refresh(&supervisor->namespaces, true);
}

/* Those of the rest that stand by themselves. */
static int resume_get(struct supervisor *supervisor, struct wire_reader *rest,
                      struct children_state *workers)
{
    children_get(rest, workers);
    figures_get(rest, &supervisor->children.figures);
    registry_get(rest, &supervisor->registry);
    access_logs_get(rest, &supervisor->access_logs);
    for (uint32_t i = 0; i < workers->count; i++) {
        if (workers->workers[i].channel >= 0)
            resume_arm(&workers->workers[i].channel, NULL);
    }
    figures_each_descriptor(&supervisor->children.figures, resume_arm, NULL);
    registry_each_descriptor(&supervisor->registry, resume_arm, NULL);
    log_rings_each_descriptor(&supervisor->access_logs.rings, resume_arm, NULL);
    if (rest->failed)
        log_error("cannot resume: the state is damaged");
    return rest->failed ? -1 : 0;
}

static int resume_take(struct supervisor *supervisor, struct state *state)
{
    struct children_state workers;
    struct wire_reader rest;

    wire_reader_init(&rest, state->rest);
    state_each_descriptor(state, resume_arm, NULL);
    if (resume_get(supervisor, &rest, &workers) < 0 || resume_take_settings(supervisor, state) < 0)
        return -1;
    resume_take_log(supervisor, state);
    if (resume_take_pid(supervisor, state) < 0)
        return -1;
    if (resume_take_tally(&supervisor->children, state) < 0 ||
        figures_resume(&supervisor->children.figures, resume_is_alive, &workers) < 0 ||
        namespaces_open_home(&supervisor->namespaces) < 0) {
        log_error("cannot resume: %s", strerror(errno));
        return -1;
    }
    supervisor->reload.number = state->reload;
    supervisor->started = (double)state->started / 1000.;
    ev_timer_set(&supervisor->rotation, (double)state->rotation, supervisor->rotation.repeat);
    supervisor->control.upgrades = supervisor->upgrade.count = state->upgrades + 1;
    supervisor->upgrade.is_arriving = true;
    resume_take_control(supervisor, state);
    resume_take_workers(&supervisor->children, &workers, state->ipc_version);
    resume_take_logs(supervisor);
    resume_check_listeners(supervisor);
    resume_take_namespaces(supervisor, &rest);
    retries_resume(&supervisor->reload.retries);
    return 0;
}

static int resume_load(struct supervisor *supervisor, int fd)
{
    struct slice bytes;
    struct state state;
    const char *why = sealed_map(fd, &bytes);
    int result = -1;

    close(fd);
    if (!why && state_decode(&state, bytes, &why) == 0)
        result = resume_take(supervisor, &state);
    else
        log_error("cannot resume: %s", why);
    sealed_unmap(bytes);
    return result;
}

/* ---- going on ---- */

/* Every new connection is our own workers'. What changed on the disk meanwhile is seen now. */
static void resume_announce(struct resume *resume)
{
    struct supervisor *supervisor = &resume->supervisor;

    resume->is_announced = true;
    if (supervisor->state != SUPERVISOR_RUNNING)
        return;
    log_notice("upgrade done: nsgate/" NSGATE_VERSION ", %u tenants, %u workers",
               HASH_COUNT(supervisor->registry.records), supervisor->children.present.count);
    supervisor_reload(supervisor, RELOAD_ASKED);
}

/* The workers serve, or the supervisor ends; later the reload behind the upgrade is over. */
static void resume_on_idle(struct pending_waiter *waiter)
{
    struct resume *resume = CONTAINER_OF(waiter, struct resume, arrival);
    struct supervisor *supervisor = &resume->supervisor;

    if (!resume->is_announced)
        resume_announce(resume);
    supervisor->upgrade.is_arriving = pending_first(&supervisor->loop, PENDING_ARRIVAL);
}

static void resume_serve(struct resume *resume)
{
    struct supervisor *supervisor = &resume->supervisor;

    resume->arrival = (struct pending_waiter){.scope = PENDING_ARRIVAL, .on_idle = resume_on_idle};
    pending_wait(&supervisor->loop, &resume->arrival);
    supervisor_start_watchers(supervisor);
    generation_start(&supervisor->children);
    observing_follow(&supervisor->observing, supervisor->settings);
    raise(SIGCHLD); /* a worker may have died since before the execve(2) */
    loop_run(&supervisor->loop);
    pending_wait_no_more(&supervisor->loop, &resume->arrival);
}

int resume_main(const char *config, int state, const char *program)
{
    struct resume resume = {.is_announced = false};

    log_set_role("supervisor");
    supervisor_init(&resume.supervisor, config, program);
    resume.supervisor.status = EXIT_FAILURE;
    if (privileges_reduce() == 0 && resume_load(&resume.supervisor, state) == 0)
        resume_serve(&resume);
    return supervisor_close(&resume.supervisor);
}

int supervisor_resume(const char *config, int state)
{
    return resume_main(config, state, "/proc/self/exe");
}
