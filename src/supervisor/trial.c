/* SPDX-License-Identifier: MIT */
/* The candidate: a new binary that is asked whether it could take over. It gets a copy of the
 * state and hands every tenant to a worker of its own kind, without sockets. It has none of the
 * descriptors that the state speaks of, and touches no file, no namespace and no process of the
 * supervisor that asks. */
#include "supervisor/supervisor.h"

#include "supervisor_internal.h"
#include "trial_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "base/signal_hold.h"
#include "children/generation.h"
#include "daemon/privileges.h"
#include "ipc/cage.h"
#include "ipc/sealed.h"
#include "ipc/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct trial {
    struct supervisor supervisor;
    int answer;
    bool has_answered;
    bool is_done; /* the worker has got everything */
    struct pending_waiter settled;
    ev_signal child;
    ev_io asker;
};

/* Only the first answer counts. */
static void trial_answer(struct trial *trial, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void trial_answer(struct trial *trial, const char *format, ...)
{
    va_list arguments;

    if (trial->has_answered)
        return;
    trial->has_answered = true;
    va_start(arguments, format);
    vdprintf(trial->answer, format, arguments);
    va_end(arguments);
}

/* ---- what was kept ---- */

/* Its places in the file are the operator's only hint. */
static void trial_answer_diags(struct trial *trial, const struct diag_list *diags)
{
    const struct diag *diag;
    char text[CANDIDATE_TEXT / 2];

    STAILQ_FOREACH (diag, &diags->items, next) {
        if (diag->severity != DIAG_ERROR)
            continue;
        diag_format(diag, text, sizeof(text));
        trial_answer(trial, "%s", text);
    }
}

/* The main file as it is now must be good for this version, and so must what is in force. */
static int trial_load_settings(struct trial *trial, const struct state *state)
{
    struct supervisor *supervisor = &trial->supervisor;
    struct settings *now;
    struct diag_list diags;

    diag_list_init(&diags);
    now = settings_read(supervisor->config, &config_files, &diags);
    if (now)
        supervisor->settings =
            settings_get(supervisor->config, state->settings, &state->identity, &diags);
    trial_answer_diags(trial, &diags);
    diag_list_free(&diags);
    settings_free(now);
    if (!supervisor->settings)
        return -1;
    supervisor->settings->model.worker_processes = 1;
    supervisor->settings->model.workers_per_tenant = 0; /* all */
    reloading_apply_settings(supervisor);
    return 0;
}

static void trial_forget(int *fd, void *context)
{
    (void)context;
    *fd = -1;
}

/* Without listeners nothing can be bound, or handed on. Limits are nobody's here: what they lie in
 * has not come along. */
static int trial_take_tenants(struct trial *trial, const struct state *state)
{
    struct supervisor *supervisor = &trial->supervisor;
    struct children_state workers;
    struct figures figures;
    struct wire_reader rest;

    wire_reader_init(&rest, state->rest);
    children_get(&rest, &workers);
    figures_init(&figures);
    figures_get(&rest, &figures);
    metrics_reader_free(figures.reader); /* the descriptors are another process's */
    registry_get(&rest, &supervisor->registry);
    access_logs_get(&rest, &supervisor->access_logs);
    log_rings_each_descriptor(&supervisor->access_logs.rings, trial_forget, NULL);
    namespaces_get(&rest, &supervisor->namespaces);
    retries_stop(&supervisor->reload.retries);
    REGISTRY_FOREACH (record, &supervisor->registry) {
        claims_release(&supervisor->registry.claims, &record->sockets, &record->plan, NULL);
        LISTENERS_FOREACH (listener, &record->sockets)
            listener->fd = -1;
        record->cells.fd = -1;
        cells_free(&record->cells);
        tenant_sockets_clear(&record->sockets);
    }
    if (wire_finish(&rest) == 0)
        return 0;
    trial_answer(trial, "the state is damaged");
    return -1;
}

static int trial_take_state(struct trial *trial, struct slice bytes)
{
    struct state state;
    const char *why;
    char *config;
    int result = -1;

    if (state_decode(&state, bytes, &why) != 0) {
        trial_answer(trial, "%s", why);
    } else {
        config = memory_slice_text(state.config);
        trial->supervisor.config = config;
        result = trial_load_settings(trial, &state);
        if (result == 0)
            result = trial_take_tenants(trial, &state);
        trial->supervisor.config = NULL;
        free(config);
    }
    return result;
}

/* ---- the worker ---- */

/* The worker has got everything, and has nothing more to do; or it has died. */
static void trial_on_settled(struct pending_waiter *waiter)
{
    struct trial *trial = CONTAINER_OF(waiter, struct trial, settled);
    struct child *worker = &trial->supervisor.children.present.workers[0];

    if (worker->state != CHILD_READY)
        return;
    trial->is_done = true;
    child_dismiss(worker);
}

static void trial_on_child(struct ev_loop *ev, ev_signal *watcher, int events)
{
    struct supervisor *supervisor = &((struct trial *)watcher->data)->supervisor;

    (void)ev;
    (void)events;
    child_reap(&supervisor->children.present.workers[0]);
    if (supervisor->children.present.workers[0].pid == 0)
        loop_stop(&supervisor->loop);
}

/* Who asks has gone, or is no longer interested. */
static void trial_on_asker(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct trial *trial = watcher->data;

    (void)events;
    ev_io_stop(ev, watcher);
    trial_answer(trial, "nobody asks any more");
    loop_stop(&trial->supervisor.loop);
}

static void trial_start_watchers(struct trial *trial)
{
    struct ev_loop *ev = trial->supervisor.loop.ev;

    trial->settled = (struct pending_waiter){.scope = PENDING_UPGRADE, .on_idle = trial_on_settled};
    pending_wait(&trial->supervisor.loop, &trial->settled);
    ev_signal_init(&trial->child, trial_on_child, SIGCHLD);
    ev_io_init(&trial->asker, trial_on_asker, trial->answer, EV_READ);
    trial->child.data = trial->asker.data = trial;
    ev_signal_start(ev, &trial->child);
    ev_io_start(ev, &trial->asker);
}

static void trial_stop_watchers(struct trial *trial)
{
    struct ev_loop *ev = trial->supervisor.loop.ev;

    pending_wait_no_more(&trial->supervisor.loop, &trial->settled);
    ev_signal_stop(ev, &trial->child);
    ev_io_stop(ev, &trial->asker);
}

/* Ends when the worker has ended: dismissed, or by its own fault. */
static void trial_run(struct trial *trial)
{
    struct supervisor *supervisor = &trial->supervisor;
    struct child *worker;

    supervisor->children.tally = tally_new(&supervisor->children.tally_fd);
    if (!supervisor->children.tally || figures_open(&supervisor->children.figures) < 0) {
        trial_answer(trial, "no memory for its tally and figures: %s", strerror(errno));
        return;
    }
    trial_start_watchers(trial);
    generation_start(&supervisor->children);
    worker = &supervisor->children.present.workers[0];
    worker->is_stopping = true; /* its end is the trial's */
    loop_run(&supervisor->loop);
    trial_stop_watchers(trial);
    if (trial->is_done && !worker->has_failed)
        trial_answer(trial, CANDIDATE_READY "\n");
    else if (worker->pid == 0)
        trial_answer(trial, "its worker failed%s%s", worker->reason[0] ? ": " : "", worker->reason);
}

int trial_main(const char *program, int answer, int state)
{
    struct trial trial = {.answer = answer};
    struct slice bytes = {0};
    const char *why;

    log_set_role("candidate");
    log_set_level(LOG_LEVEL_ERROR);
    cage_ignore_signals(); /* what all processes get, as by systemctl kill, is not for it */
    signal_release_all();
    supervisor_init(&trial.supervisor, NULL, program);
    if (privileges_reduce() < 0)
        trial_answer(&trial, "it cannot reduce its privileges");
    why = sealed_map(state, &bytes);
    close(state);
    if (why)
        trial_answer(&trial, "it was given a %s", why);
    if (!trial.has_answered && trial_take_state(&trial, bytes) == 0)
        trial_run(&trial);
    sealed_unmap(bytes);
    supervisor_free(&trial.supervisor);
    close(answer);
    return trial.is_done ? EXIT_SUCCESS : EXIT_FAILURE;
}

int supervisor_candidate(void)
{
    return trial_main("/proc/self/exe", SPAWN_CHANNEL_FD, SPAWN_SECOND_FD);
}
