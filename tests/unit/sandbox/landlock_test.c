/* SPDX-License-Identifier: MIT */
/* The files that Landlock leaves, where the kernel has it. */
#include "rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#if SANDBOX_IS_BUILT

static int open_hosts(void)
{
    return open("/etc/hosts", O_RDONLY | O_CLOEXEC) < 0;
}

static int open_program(void)
{
    return open("/bin/sh", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 1;
}

static int open_status(void)
{
    return open("/proc/self/status", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 1;
}

Test(landlock, leaves_the_resolver_what_names_need)
{
    struct rig_end end = rig_run(SANDBOX_RESOLVER, SANDBOX_ON, open_hosts);

    if (end.state.landlock == 0)
        cr_skip_test("no Landlock here");
    cr_expect(rig_was_done(&end), "%s", end.log);
    end = rig_run(SANDBOX_RESOLVER, SANDBOX_ON, open_program);
    cr_expect(rig_was_done(&end), "%s", end.log);
    end = rig_run(SANDBOX_RESOLVER, SANDBOX_ON, open_status);
    cr_expect(rig_was_done(&end), "%s", end.log);
}

#endif
