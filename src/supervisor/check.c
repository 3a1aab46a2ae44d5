/* SPDX-License-Identifier: MIT */
/* What the command line asks without becoming a supervisor: -t, -T and -s. */
#include "supervisor/control.h"
#include "supervisor/supervisor.h"

#include "supervisor_internal.h"

#include "base/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- -t, -T ---- */

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

/* Children that cannot run must not make -t wait for ever. */
static void check_on_child(struct ev_loop *ev, ev_signal *watcher, int events)
{
    struct supervisor *supervisor = watcher->data;

    (void)ev;
    (void)events;
    child_reap(&supervisor->resolver);
}

/* Sends every tenant through the resolver, as a start would. */
static int check_tenants(struct supervisor *supervisor)
{
    ev_signal child;
    int result;

    ev_signal_init(&child, check_on_child, SIGCHLD);
    child.data = supervisor;
    ev_signal_start(supervisor->loop.ev, &child);
    result = round_begin(supervisor, ROUND_TEST);
    if (result == 0)
        loop_run(&supervisor->loop);
    ev_signal_stop(supervisor->loop.ev, &child);
    supervisor->resolver.is_stopping = true;
    child_signal(&supervisor->resolver, SIGTERM);
    return result == 0 && supervisor->round.outcomes.counts[OUTCOME_REFUSED] == 0 ? 0 : -1;
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
    if (supervisor_load(&supervisor) == 0)
        result = check_tenants(&supervisor);
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

/* ---- -s ---- */

static const struct {
    const char *name;
    int signal;
} check_signals[] = {{"quit", SIGQUIT}, {"stop", SIGTERM}, {"reopen", SIGUSR1}};

static int check_find_signal(const char *name)
{
    for (size_t i = 0; i < sizeof(check_signals) / sizeof(check_signals[0]); i++) {
        if (strcmp(check_signals[i].name, name) == 0)
            return check_signals[i].signal;
    }
    fprintf(stderr,
            "nsgate: unknown -s %s; reload, status, upgrade, quit, stop, reopen are known\n", name);
    return 0;
}

static int check_send(const char *path, int signal)
{
    const char *why;
    pid_t pid = pid_file_holder(path, &why);

    if (pid < 0) {
        fprintf(stderr, "nsgate: %s: %s\n", path, why);
        return EXIT_FAILURE;
    }
    if (kill(pid, signal) < 0) {
        fprintf(stderr, "nsgate: cannot signal process %d: %s\n", (int)pid, strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

/* The main file's `pid`, which the caller frees; NULL when the file is broken: that is told. Its
 * warnings are for those who load it. */
static char *check_pid_file(const char *config)
{
    struct settings *settings;
    struct diag_list diags;
    char *path;

    diag_list_init(&diags);
    settings = settings_read(config, &config_files, &diags);
    if (!settings)
        report_print(&diags);
    diag_list_free(&diags);
    if (!settings)
        return NULL;
    path = memory_slice_text(settings->model.pid_file);
    settings_free(settings);
    return path;
}

int supervisor_signal(const char *config, const char *name)
{
    int signal = check_find_signal(name);
    char *path;
    int result;

    if (signal == 0)
        return EXIT_FAILURE;
    path = check_pid_file(config);
    if (!path)
        return EXIT_FAILURE;
    result = check_send(path, signal);
    free(path);
    return result;
}

/* What stands in the pid file is not needed, but its lock tells whether there is anybody. */
static int check_connect(const char *pid_file)
{
    char *path = control_path(pid_file);
    const char *why;
    int fd = -1;

    if (pid_file_holder(pid_file, &why) < 0) {
        fprintf(stderr, "nsgate: %s: %s\n", pid_file, why);
    } else {
        fd = control_connect(path);
        if (fd < 0)
            fprintf(stderr, "nsgate: cannot connect to %s: %s\n", path, strerror(errno));
    }
    free(path);
    return fd;
}

int supervisor_connect(const char *config)
{
    char *path = check_pid_file(config);
    int fd = path ? check_connect(path) : -1;

    free(path);
    return fd;
}
