/* SPDX-License-Identifier: MIT */
/* The sandbox as a whole: its modes, and what a worker does in it all day. */
#include "rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int do_nothing(void)
{
    return 0;
}

/* Harmless, and on no list. */
static int ask_core(void)
{
    return sched_getcpu() >= 0 && syscall(SYS_getppid) == getppid() ? 0 : 1;
}

static int work(void)
{
    struct tm local;
    time_t now = time(NULL);
    int pair = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int memory = memfd_create("some", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char *page = malloc(1 << 24);

    localtime_r(&now, &local);
    free(page);
    return pair < 0 || memory < 0 || !page || fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK) < 0;
}

static int call_abort(void)
{
    abort();
}

Test(sandbox, off_is_nothing)
{
    struct rig_end end = rig_run(SANDBOX_WORKER, SANDBOX_OFF, ask_core);

    cr_assert_eq(end.state.mode, SANDBOX_OFF);
    cr_assert_eq(end.state.landlock, 0);
    cr_assert(rig_was_done(&end));
}

#if SANDBOX_IS_BUILT

Test(sandbox, tells_what_is_in_force)
{
    cr_assert_eq(rig_run(SANDBOX_WORKER, SANDBOX_ON, do_nothing).state.mode, SANDBOX_ON);
    cr_assert_eq(rig_run(SANDBOX_RESOLVER, SANDBOX_ON, do_nothing).state.mode, SANDBOX_ON);
    cr_assert_eq(rig_run(SANDBOX_WORKER, SANDBOX_LOG, do_nothing).state.mode, SANDBOX_LOG);
    cr_assert_eq(rig_run(SANDBOX_WORKER, SANDBOX_LOG, do_nothing).state.landlock, 0);
}

Test(sandbox, work_goes_on)
{
    struct rig_end end = rig_run(SANDBOX_WORKER, SANDBOX_ON, work);

    cr_assert(rig_was_done(&end), "%s", end.log);
    end = rig_run(SANDBOX_RESOLVER, SANDBOX_ON, work);
    cr_assert(rig_was_done(&end), "%s", end.log);
}

/* An assertion that fails ends the process as ever. */
Test(sandbox, abort_aborts)
{
    struct rig_end end = rig_run(SANDBOX_WORKER, SANDBOX_ON, call_abort);

    cr_assert(WIFSIGNALED(end.status));
    cr_assert_eq(WTERMSIG(end.status), SIGABRT, "%s", end.log);
}

#else

Test(sandbox, is_not_in_this_build)
{
    cr_assert_eq(rig_run(SANDBOX_WORKER, SANDBOX_ON, do_nothing).state.mode, SANDBOX_OFF);
    cr_assert_eq(rig_run(SANDBOX_WORKER, SANDBOX_ON, work).status, 0);
    cr_assert_neq(rig_run(SANDBOX_WORKER, SANDBOX_ON, call_abort).status, 0);
}

#endif
