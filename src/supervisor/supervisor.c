/* SPDX-License-Identifier: MIT */
/* The life of the root process: it is put together, starts, runs and is taken apart. */
#include "supervisor/supervisor.h"

#include "supervisor_internal.h"
#include "worker_sockets_internal.h"

#include "base/memory.h"
#include "children/generation.h"
#include "daemon/privileges.h"
#include "namespaces/containers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROTATION (12 * 3600.) /* seconds that a ticket key encrypts, and then still decrypts */

/* ---- ticket keys ---- */

static void supervisor_on_rotation(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;

    (void)ev;
    (void)events;
    REGISTRY_FOREACH (record, &supervisor->registry) {
        record_rotate_tickets(record);
        workers_changed(&supervisor->children, &record->assignment);
        workers_send(&supervisor->children, &record->assignment);
    }
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
    children_init(&supervisor->children, &supervisor->loop, program, &supervisor_singles,
                  &supervisor_children_events);
    reopening_init(supervisor);
    observing_init(&supervisor->observing, &supervisor->children, &supervisor->access_logs);
    reloading_init(supervisor);
    namespaces_init(&supervisor->namespaces, &supervisor->loop, &namespaces_events, supervisor);
    sockets_init(&supervisor->sockets, &supervisor->namespaces, &supervisor->registry.residents,
                 &worker_sockets_events, supervisor);
    control_init(&supervisor->control, &supervisor->loop, config, supervisor_requests, supervisor);
    supervisor->started = loop_now(&supervisor->loop);
    sweep_init(&supervisor->sweep, &supervisor->loop, &supervisor->registry);
    notify_init(&supervisor->notify, &supervisor->loop);
    upgrade_init(&supervisor->upgrade, &supervisor->loop, &supervisor_upgrade_events, supervisor);
    ending_init(supervisor);
    ev_timer_init(&supervisor->rotation, supervisor_on_rotation, ROTATION, ROTATION);
    supervisor->rotation.data = supervisor;
}

void supervisor_free(struct supervisor *supervisor)
{
    signals_stop(supervisor);
    observing_free(&supervisor->observing);
    children_free(&supervisor->children);
    reload_free(&supervisor->reload);
    access_logs_free(&supervisor->access_logs);
    reopening_free(supervisor);
    sweep_free(&supervisor->sweep);
    namespaces_stop(&supervisor->namespaces);
    notify_free(&supervisor->notify);
    logging_free(&supervisor->logging);
    sockets_stop(&supervisor->sockets);
    upgrade_free(&supervisor->upgrade);
    ev_timer_stop(supervisor->loop.ev, &supervisor->rotation);
    ending_free(supervisor);
    registry_free(&supervisor->registry);
    sockets_free(&supervisor->sockets);
    namespaces_free(&supervisor->namespaces);
    loop_free(&supervisor->loop);
    tally_free(supervisor->children.tally);
    settings_free(supervisor->settings);
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
    reloading_apply_settings(supervisor);
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
    if (!supervisor->children.tally || figures_open(&supervisor->children.figures) < 0 ||
        namespaces_open_home(&supervisor->namespaces) < 0) {
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
    observing_follow(&supervisor->observing, supervisor->settings);
    namespaces_start(&supervisor->namespaces);
    if (supervisor_reload(supervisor, RELOAD_START) < 0)
        ending_begin(supervisor, EXIT_FAILURE);
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
            logging_start(&supervisor.logging, supervisor.settings);
            supervisor_serve(&supervisor);
        }
    }
    return supervisor_close(&supervisor);
}

int supervisor_run(const char *config)
{
    return supervisor_main(config, "/proc/self/exe");
}
