/* SPDX-License-Identifier: MIT */
/* -t and -T: what the command line asks without becoming a supervisor. */
#include "supervisor/supervisor.h"

#include "supervisor_internal.h"

#include "base/memory.h"
#include "daemon/privileges.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK_TRIES 3 /* starts of a resolver that dies at once */

static void check_print_dump(const struct recorder_dump *dump)
{
    const struct recorder_file *file;

    STAILQ_FOREACH (file, &dump->files, next) {
        printf("# configuration file %s:\n", file->path);
        fwrite(file->text.data, 1, file->text.len, stdout);
        putchar('\n');
    }
    fflush(stdout);
}

/* A resolver that never comes up, as without OpenSSL's providers, examines nothing. */
static bool check_is_hopeless(const struct supervisor *supervisor)
{
    return !supervisor->children.resolver.was_ready &&
           supervisor->children.resolver.quick_deaths >= CHECK_TRIES;
}

/* Children that cannot run must not make -t wait for ever. */
static void check_on_child(struct ev_loop *ev, ev_signal *watcher, int events)
{
    struct supervisor *supervisor = watcher->data;

    (void)ev;
    (void)events;
    child_reap(&supervisor->children.resolver);
    if (check_is_hopeless(supervisor))
        loop_stop(&supervisor->loop);
}

/* Sends every tenant through the resolver, as a start would. */
static int check_tenants(struct supervisor *supervisor)
{
    ev_signal child;
    int result;

    ev_signal_init(&child, check_on_child, SIGCHLD);
    child.data = supervisor;
    ev_signal_start(supervisor->loop.ev, &child);
    result = supervisor_reload(supervisor, RELOAD_TEST);
    if (result == 0)
        loop_run(&supervisor->loop);
    ev_signal_stop(supervisor->loop.ev, &child);
    supervisor->children.resolver.is_stopping = true;
    child_signal(&supervisor->children.resolver, SIGTERM);
    return result == 0 && !check_is_hopeless(supervisor) &&
                   supervisor->reload.outcomes.counts[OUTCOME_REFUSED] == 0
               ? 0
               : -1;
}

static int check_told(int result, const char *text)
{
    if (result < 0)
        fprintf(stderr, "nsgate: [error] %s\n", text);
    return result;
}

/* What a start opens, in its order and with the rights that it has then. Makes and changes nothing,
 * and an nsgate that runs is no obstacle. */
static int check_openings(const struct supervisor *supervisor)
{
    char *path = memory_slice_text(supervisor->settings->model.pid_file);
    char text[SETTING_TEXT];
    int result = check_told(pid_file_try(path, text, sizeof(text)), text);
    int fd = -1;

    if (check_told(control_try(path, text, sizeof(text)), text) < 0)
        result = -1;
    if (privileges_reduce() < 0 ||
        check_told(logging_open(supervisor->program, supervisor->settings, false, &fd, text),
                   text) < 0)
        result = -1;
    logging_close(fd);
    free(path);
    return result;
}

int supervisor_test_with(const char *config, bool dump, const char *program)
{
    struct supervisor supervisor;
    struct recorder_dump files;
    int result = -1;

    log_set_role("check");
    log_set_level(LOG_LEVEL_WARN);
    recorder_dump_init(&files);
    supervisor_init(&supervisor, config, program);
    supervisor.dump = dump ? &files : NULL;
    supervisor.is_check = true;
    if (supervisor_load(&supervisor) == 0) {
        result = check_openings(&supervisor);
        if (check_tenants(&supervisor) < 0)
            result = -1;
    }
    if (result == 0 && dump)
        check_print_dump(&files);
    supervisor_free(&supervisor);
    recorder_dump_free(&files);
    fprintf(stderr, "nsgate: configuration file %s test %s\n", config,
            result == 0 ? "is successful" : "failed");
    return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int supervisor_test(const char *config, bool dump)
{
    return supervisor_test_with(config, dump, "/proc/self/exe");
}
