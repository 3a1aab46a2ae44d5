/* SPDX-License-Identifier: MIT */
/* The life of the root process: start, run, drain, end. */
#include "supervisor/supervisor.h"

#include "privileges_internal.h"
#include "supervisor_internal.h"
#include "worker_sockets_internal.h"

#include "base/memory.h"
#include "children/generation.h"
#include "namespaces/containers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROTATION  (12 * 3600.) /* seconds that a ticket key encrypts, and then still decrypts */
#define END_GRACE 1.0          /* seconds until a child that does not end is killed */

/* ---- ticket keys ---- */

static void supervisor_on_rotation(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;
    struct record *record;
    struct record *next;

    (void)ev;
    (void)events;
    HASH_ITER (hh, supervisor->registry.records, record, next) {
        record_rotate_tickets(record);
        workers_changed(&supervisor->children, &record->assignment);
        workers_send(&supervisor->children, &record->assignment);
    }
}

/* ---- ending ---- */

static void supervisor_wait_for_children(struct supervisor *supervisor, double seconds)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->ending);
    ev_timer_set(&supervisor->ending, seconds, 0.);
    ev_timer_start(supervisor->loop.ev, &supervisor->ending);
    if (!children_are_running(&supervisor->children))
        loop_stop(&supervisor->loop);
}

static void supervisor_on_overdue(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;

    (void)ev;
    (void)events;
    log_warn("some processes do not end, killing them");
    children_signal(&supervisor->children, SIGKILL);
}

/* No round goes on, and what the resolver still says is about nothing. */
static void supervisor_stop_rounds(struct supervisor *supervisor)
{
    reload_abandon(&supervisor->reload);
    upgrade_abandon(&supervisor->upgrade);
    control_tell_ending(&supervisor->control);
    namespaces_stop(&supervisor->namespaces);
    sockets_stop(&supervisor->sockets);
}

void supervisor_end(struct supervisor *supervisor, int status)
{
    if (supervisor->state == SUPERVISOR_ENDING)
        return;
    log_notice("ending");
    supervisor->state = SUPERVISOR_ENDING;
    supervisor->status = status;
    supervisor_stop_rounds(supervisor);
    children_stop(&supervisor->children);
    notify_stopping(&supervisor->notify, END_GRACE);
    children_signal(&supervisor->children, SIGTERM);
    supervisor_wait_for_children(supervisor, END_GRACE);
}

void supervisor_drain(struct supervisor *supervisor)
{
    double seconds;

    if (supervisor->state != SUPERVISOR_RUNNING)
        return;
    supervisor->status = EXIT_SUCCESS;
    seconds = supervisor->settings->model.worker_shutdown_timeout;
    log_notice("draining");
    supervisor->state = SUPERVISOR_DRAINING;
    notify_stopping(&supervisor->notify, seconds + END_GRACE);
    supervisor_stop_rounds(supervisor);
    children_stop(&supervisor->children);
    sockets_close_all(&supervisor->sockets);
    child_signal(&supervisor->children.resolver, SIGTERM);
    generation_drain(&supervisor->children, seconds);
    supervisor_wait_for_children(supervisor, seconds + END_GRACE);
}

/* ---- what namespaces tell and ask ---- */

static void supervisor_on_backstop(void *owner)
{
    sockets_check_interfaces(&((struct supervisor *)owner)->sockets);
}

static void supervisor_on_containers(void *owner)
{
    reloading_see_to_resolver(owner);
}

static struct ipc_channel *supervisor_resolver(void *owner)
{
    return ((struct supervisor *)owner)->children.resolver.channel;
}

static const struct namespaces_events namespaces_events = {.on_backstop = supervisor_on_backstop,
                                                           .on_containers =
                                                               supervisor_on_containers,
                                                           .resolver = supervisor_resolver};

/* ---- life ---- */

void supervisor_init(struct supervisor *supervisor, const char *config, const char *program)
{
    *supervisor = (struct supervisor){.config = config,
                                      .program = program,
                                      .is_root = geteuid() == 0,
                                      .children = {.owner = supervisor, .log_fd = STDERR_FILENO}};
    loop_init(&supervisor->loop);
    children_init(&supervisor->children, &supervisor->loop, program, &supervisor_resolver_events,
                  &supervisor_children_events);
    reloading_init(supervisor);
    namespaces_init(&supervisor->namespaces, &supervisor->loop, &namespaces_events, supervisor);
    sockets_init(&supervisor->sockets, &supervisor->namespaces, &supervisor->registry.residents,
                 &worker_sockets_events, supervisor);
    control_init(&supervisor->control, &supervisor->loop, config, supervisor_requests, supervisor);
    logging_init(supervisor);
    supervisor->started = loop_now(&supervisor->loop);
    notify_init(&supervisor->notify, &supervisor->loop);
    upgrade_init(&supervisor->upgrade, &supervisor->loop, &supervisor_upgrade_events, supervisor);
    ev_timer_init(&supervisor->rotation, supervisor_on_rotation, ROTATION, ROTATION);
    ev_timer_init(&supervisor->ending, supervisor_on_overdue, 0., 0.);
    supervisor->rotation.data = supervisor;
    supervisor->ending.data = supervisor;
}

void supervisor_free(struct supervisor *supervisor)
{
    signals_stop(supervisor);
    children_free(&supervisor->children);
    reload_free(&supervisor->reload);
    namespaces_stop(&supervisor->namespaces);
    notify_free(&supervisor->notify);
    logging_free(supervisor);
    sockets_stop(&supervisor->sockets);
    upgrade_free(&supervisor->upgrade);
    ev_timer_stop(supervisor->loop.ev, &supervisor->rotation);
    ev_timer_stop(supervisor->loop.ev, &supervisor->ending);
    registry_free(&supervisor->registry);
    sockets_free(&supervisor->sockets);
    namespaces_free(&supervisor->namespaces);
    loop_free(&supervisor->loop);
    tally_free(supervisor->children.tally);
    settings_free(supervisor->settings);
}

void supervisor_apply_settings(struct supervisor *supervisor)
{
    const struct config_main *model = &supervisor->settings->model;
    struct workforce *wanted = &supervisor->children.wanted;

    *wanted = (struct workforce){.count = settings_workers(supervisor->settings),
                                 .per_tenant = model->workers_per_tenant,
                                 .drain_time = model->worker_shutdown_timeout,
                                 .identity = supervisor->settings->identity};
    wanted->identity.keep = !supervisor->is_root;
    namespace_containers_set_engine(&supervisor->namespaces, model->container_socket);
    sockets_set(&supervisor->sockets, model->netns_shared, model->worker_shutdown_timeout);
}

int supervisor_load(struct supervisor *supervisor)
{
    struct diag_list diags;
    struct recorder recorder;

    diag_list_init(&diags);
    recorder_init(&recorder, NULL, supervisor->dump);
    supervisor->settings = settings_read(supervisor->config, &recorder.loader, &diags);
    report_start(&diags, supervisor->is_check);
    diag_list_free(&diags);
    if (!supervisor->settings)
        return -1;
    supervisor_apply_settings(supervisor);
    supervisor->children.identity = supervisor->children.wanted.identity;
    return 0;
}

/* What every later step needs. */
static int supervisor_prepare(struct supervisor *supervisor)
{
    char text[SETTING_TEXT];
    struct arena arena;
    char *path;
    int result;

    privileges_raise_descriptors();
    supervisor->children.tally = tally_new(&supervisor->children.tally_fd);
    if (!supervisor->children.tally || namespaces_open_home(&supervisor->namespaces) < 0) {
        log_error("cannot start: %s", strerror(errno));
        return -1;
    }
    arena_init(&arena, 512);
    path = arena_text(&arena, supervisor->settings->model.pid_file);
    result = pid_file_take(&supervisor->pid, path, text, sizeof(text));
    if (result == 0 && control_open(&supervisor->control, path, text, sizeof(text)) < 0) {
        pid_file_release(&supervisor->pid);
        result = -1;
    }
    if (result < 0)
        log_error("%s", text);
    arena_free(&arena);
    return result;
}

void supervisor_start_watchers(struct supervisor *supervisor)
{
    signals_start(supervisor);
    notify_start(&supervisor->notify);
    children_watch(&supervisor->children);
    ev_timer_start(supervisor->loop.ev, &supervisor->rotation);
}

static void supervisor_serve(struct supervisor *supervisor)
{
    supervisor_start_watchers(supervisor);
    generation_start(&supervisor->children);
    namespaces_start(&supervisor->namespaces);
    if (supervisor_reload(supervisor, RELOAD_START) < 0)
        supervisor_end(supervisor, EXIT_FAILURE);
    loop_run(&supervisor->loop);
}

int supervisor_close(struct supervisor *supervisor)
{
    control_close(&supervisor->control); /* while nobody else can take its place */
    pid_file_release(&supervisor->pid);
    logging_close(supervisor->children.log_fd);
    supervisor_free(supervisor);
    return supervisor->status;
}

int supervisor_main(const char *config, const char *program)
{
    struct supervisor supervisor;

    log_set_role("supervisor");
    supervisor_init(&supervisor, config, program);
    supervisor.status = EXIT_FAILURE;
    if (supervisor_load(&supervisor) == 0 && supervisor_prepare(&supervisor) == 0) {
        /* The log with the privileges that are left, so that what will not work when it is opened
         * anew is told now. */
        if (privileges_reduce() == 0) {
            logging_start(&supervisor);
            supervisor_serve(&supervisor);
        }
    }
    return supervisor_close(&supervisor);
}

int supervisor_run(const char *config)
{
    return supervisor_main(config, "/proc/self/exe");
}

/* ---- settings that change ---- */

/* The pid file and the control socket move together, or stay where the operator knows them to be.
 */
static void supervisor_change_pid(struct supervisor *supervisor, const struct settings *settings)
{
    struct pid_file fresh = {0};
    char text[SETTING_TEXT];
    struct arena arena;
    char *path;

    arena_init(&arena, 512);
    path = arena_text(&arena, settings->model.pid_file);
    if (supervisor->pid.path && strcmp(supervisor->pid.path, path) != 0) {
        if (pid_file_take(&fresh, path, text, sizeof(text)) == 0 &&
            control_open(&supervisor->control, path, text, sizeof(text)) == 0) {
            pid_file_release(&supervisor->pid);
            supervisor->pid = fresh;
        } else {
            pid_file_release(&fresh);
            log_error("%s", text);
            reload_keep_setting(&supervisor->reload, text);
        }
    }
    arena_free(&arena);
}

void supervisor_set_settings(struct supervisor *supervisor, struct settings *settings)
{
    supervisor_change_pid(supervisor, settings);
    settings_free(supervisor->settings);
    supervisor->settings = settings;
    supervisor_apply_settings(supervisor);
    logging_follow(supervisor, false);
    generation_follow(&supervisor->children);
}
