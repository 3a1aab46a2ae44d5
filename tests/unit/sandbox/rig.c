/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include "base/log.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_child(enum sandbox_role role, enum sandbox_mode mode, int (*act)(void),
                      struct sandbox_state *state)
{
    const char *why = "";

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (sandbox_enter(role, mode, state, &why) != 0) {
        log_error("not entered: %s", why);
        _exit(100);
    }
    _exit(act());
}

struct rig_end rig_run(enum sandbox_role role, enum sandbox_mode mode, int (*act)(void))
{
    struct sandbox_state *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct rig_end end = {0};
    size_t used = 0;
    ssize_t got;
    int pipes[2];
    pid_t pid;

    cr_assert_neq(shared, MAP_FAILED);
    cr_assert_eq(pipe(pipes), 0);
    pid = fork();
    if (pid == 0) {
        close(pipes[0]);
        log_set_sink(LOG_SINK_FILE, pipes[1]);
        run_child(role, mode, act, shared);
    }
    close(pipes[1]);
    while ((got = read(pipes[0], end.log + used, sizeof(end.log) - 1 - used)) > 0)
        used += (size_t)got;
    close(pipes[0]);
    cr_assert_eq(waitpid(pid, &end.status, 0), pid);
    end.state = *shared;
    munmap(shared, sizeof(*shared));
    return end;
}

bool rig_was_refused(const struct rig_end *end, const char *call)
{
    char line[128];

    snprintf(line, sizeof(line), "sandbox: system call %s(", call);
    return WIFSIGNALED(end->status) && WTERMSIG(end->status) == SIGSYS && strstr(end->log, line) &&
           strstr(end->log, "this process ends");
}

bool rig_was_done(const struct rig_end *end)
{
    return WIFEXITED(end->status) && WEXITSTATUS(end->status) == 0 && !end->log[0];
}
