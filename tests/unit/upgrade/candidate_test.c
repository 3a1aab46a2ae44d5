/* SPDX-License-Identifier: MIT */
/* Binaries that are tried: ready, not ready, and no nsgate at all. */
#include "upgrade/candidate.h"

#include "ipc/sealed.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct trial {
    struct loop loop;
    struct candidate candidate;
    char program[64];
    int state;
    bool is_over;
    char why[640]; /* empty: ready */
};

static void on_verdict(void *owner, const char *why)
{
    struct trial *trial = owner;

    trial->is_over = true;
    snprintf(trial->why, sizeof(trial->why), "%s", why ? why : "");
    loop_stop(&trial->loop);
}

static void on_child(struct ev_loop *ev, ev_signal *watcher, int events)
{
    (void)ev;
    (void)events;
    candidate_reap(watcher->data);
}

/* Tries a script. */
static void try_script(struct trial *trial, double limit, const char *script)
{
    ev_signal child;
    FILE *file;
    int fd;

    *trial = (struct trial){.program = "/tmp/nsg-candidate-XXXXXX"};
    fd = mkstemp(trial->program);
    file = fdopen(fd, "w");
    fputs(script, file);
    fclose(file);
    chmod(trial->program, script[0] ? 0755 : 0644);
    trial->state = sealed_new("test", SLICE("the state"));
    loop_init(&trial->loop);
    candidate_init(&trial->candidate, &trial->loop, on_verdict, trial);
    ev_signal_init(&child, on_child, SIGCHLD);
    child.data = &trial->candidate;
    ev_signal_start(trial->loop.ev, &child);
    cr_assert_eq(candidate_start(&trial->candidate, trial->program, trial->state, limit), 0);
    loop_run(&trial->loop);
    ev_signal_stop(trial->loop.ev, &child);
    cr_assert(trial->is_over);
    cr_assert_eq(trial->candidate.pid, 0);
    close(trial->state);
    unlink(trial->program);
    candidate_free(&trial->candidate);
    loop_free(&trial->loop);
}

Test(candidate, one_that_is_ready)
{
    struct trial trial;

    try_script(&trial, 20.,
               "#!/bin/sh\n[ \"$1 $2\" = '--role candidate' ] || exit 1\n"
               "[ \"$(cat /proc/$$/fd/4)\" = 'the state' ] || exit 2\necho ready >&3\n");
    cr_assert_str_eq(trial.why, "");
}

Test(candidate, it_inherits_nothing_else)
{
    struct trial trial;
    int leak = open("/dev/null", O_RDONLY);

    cr_assert_geq(fcntl(leak, F_DUPFD, 20), 20);
    try_script(&trial, 20., "#!/bin/sh\n[ -e /proc/$$/fd/20 ] && exit 7\necho ready >&3\n");
    cr_assert_str_eq(trial.why, "");
}

Test(candidate, one_that_says_why_not)
{
    struct trial trial;

    try_script(&trial, 20., "#!/bin/sh\nprintf 'it does not\\nlike this' >&3\nexit 1\n");
    cr_assert_str_eq(trial.why, "it does not");
}

Test(candidate, one_that_fails_behind_its_word)
{
    struct trial trial;

    try_script(&trial, 20., "#!/bin/sh\necho ready >&3\nexit 5\n");
    cr_assert_str_eq(trial.why, "it exited with status 5");
}

Test(candidate, one_that_says_nothing)
{
    struct trial trial;

    try_script(&trial, 20., "#!/bin/sh\nexit 0\n");
    cr_assert_str_eq(trial.why, "it exited with status 0");
}

Test(candidate, one_that_talks_without_end)
{
    struct trial trial;

    try_script(&trial, 0.5, "#!/bin/sh\nexec yes >&3\n");
    cr_assert_str_eq(trial.why, "it was not ready within 0.5 s");
}

Test(candidate, one_that_hangs)
{
    struct trial trial;

    try_script(&trial, 0.2, "#!/bin/sh\nexec sleep 100\n");
    cr_assert_str_eq(trial.why, "it was not ready within 0.2 s");
}

Test(candidate, one_that_crashes)
{
    struct trial trial;

    try_script(&trial, 20., "#!/bin/sh\nkill -SEGV $$\n");
    cr_assert_str_eq(trial.why, "it was killed by signal 11 (Segmentation fault)");
}

Test(candidate, one_that_cannot_be_executed)
{
    struct trial trial;

    try_script(&trial, 20., "");
    cr_assert_str_eq(trial.why, "it cannot be executed: Permission denied");
    try_script(&trial, 20., "\177ELF and then garbage");
    cr_assert_str_eq(trial.why, "it cannot be executed: Exec format error");
}

/* A tracer that does not look: what is killed cannot be reaped, as if it hung in the kernel. */
static pid_t hold(pid_t pid)
{
    int ready[2];
    char byte = 0;
    pid_t tracer;

    cr_assert_eq(pipe(ready), 0);
    tracer = fork();
    if (tracer == 0) {
        byte = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 ? 'y' : 'n';
        (void)!write(ready[1], &byte, 1);
        pause();
        _exit(0);
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    if (byte == 'y')
        return tracer;
    kill(tracer, SIGKILL);
    waitpid(tracer, NULL, 0);
    return 0;
}

Test(candidate, one_that_cannot_end_holds_nobody_up, .timeout = 60)
{
    struct trial trial = {.state = sealed_new("test", SLICE("the state"))};
    pid_t tracer;
    pid_t pid;

    loop_init(&trial.loop);
    candidate_init(&trial.candidate, &trial.loop, on_verdict, &trial);
    cr_assert_eq(candidate_start(&trial.candidate, "/usr/bin/yes", trial.state, 30.), 0);
    pid = trial.candidate.pid;
    tracer = hold(pid);
    candidate_free(&trial.candidate);
    cr_assert_eq(trial.candidate.pid, 0);
    loop_free(&trial.loop);
    close(trial.state);
    if (tracer == 0)
        cr_skip_test("nobody may trace here");
    cr_assert_eq(waitpid(pid, NULL, WNOHANG), 0, "it is still there");
    kill(tracer, SIGKILL);
    waitpid(tracer, NULL, 0);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
}
