/* SPDX-License-Identifier: MIT */
/* A call that is not on the list: its name in the log, its arguments but for addresses, the end;
 * or, with `log`, the line and the call. */
#include "rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if SANDBOX_IS_BUILT

static int ask_core(void)
{
    unsigned core;

    return (int)syscall(SYS_getcpu, &core, NULL, 17L);
}

static int ask_often(void)
{
    for (int i = 0; i < 1000; i++) {
        if (syscall(SYS_getpgid, 0) < 0)
            return 1;
    }
    return syscall(SYS_getpgid, getpid()) == syscall(SYS_getpgid, 0) ? 0 : 2;
}

/* Whoever has the process's code in hand may not take the handler away, nor hold the signal back.
 */
static int take_handler(void)
{
    signal(SIGSYS, SIG_IGN);
    return 0;
}

static int block_signal(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    return ask_core();
}

static int call_unknown(void)
{
    return (int)syscall(511);
}

Test(violation, is_named_and_ends)
{
    struct rig_end end = rig_run(SANDBOX_WORKER, SANDBOX_ON, ask_core);

    cr_assert(rig_was_refused(&end, "getcpu"), "%s", end.log);
    cr_assert_not_null(strstr(end.log, "getcpu(address, 0, 0x11)"), "%s", end.log);
    cr_assert_not_null(strstr(end.log, " [error] "));
}

/* The line's time is that of other lines. */
Test(violation, has_the_right_time)
{
    char before[32], after[32];
    struct rig_end end;
    struct tm local;
    time_t now = time(NULL);

    localtime_r(&now, &local);
    strftime(before, sizeof(before), "%Y/%m/%d %H:%M:%S", &local);
    end = rig_run(SANDBOX_WORKER, SANDBOX_ON, ask_core);
    now = time(NULL);
    localtime_r(&now, &local);
    strftime(after, sizeof(after), "%Y/%m/%d %H:%M:%S", &local);
    cr_assert_geq(strncmp(end.log, before, strlen(before)), 0, "%s", end.log);
    cr_assert_leq(strncmp(end.log, after, strlen(after)), 0, "%s", end.log);
}

Test(violation, has_a_number_where_it_has_no_name)
{
    struct rig_end end = rig_run(SANDBOX_WORKER, SANDBOX_ON, call_unknown);

    cr_assert(rig_was_refused(&end, "511"), "%s", end.log);
}

Test(violation, cannot_be_disarmed)
{
    struct rig_end end = rig_run(SANDBOX_WORKER, SANDBOX_ON, take_handler);

    cr_assert(rig_was_refused(&end, "rt_sigaction"), "%s", end.log);
    end = rig_run(SANDBOX_WORKER, SANDBOX_ON, block_signal);
    cr_assert(WIFSIGNALED(end.status));
    cr_assert_eq(WTERMSIG(end.status), SIGSYS);
}

Test(violation, is_logged_and_done)
{
    struct rig_end end = rig_run(SANDBOX_WORKER, SANDBOX_LOG, ask_often);
    const char *line = end.log;
    int lines = 0;

    cr_assert(WIFEXITED(end.status));
    cr_assert_eq(WEXITSTATUS(end.status), 0, "%s", end.log);
    for (; (line = strstr(line, "system call getpgid(")); line++)
        lines++;
    cr_assert(lines == 1 || lines == 2, "once a second, not %d times", lines);
    cr_assert_null(strstr(end.log, "this process ends"));
}

#endif
