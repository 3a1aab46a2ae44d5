/* SPDX-License-Identifier: MIT */
/* What the command line asks: -t and -s. */
#include "rig/rig.h"

#include "control/protocol.h"
#include "supervisor/supervisor.h"
#include "supervisor/supervisor_internal.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int test_with(const struct rig *rig)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/nsgate.conf", rig->folder);
    return supervisor_test_with(path, false, "/proc/self/exe");
}

TestSuite(check, .fini = rig_end);

Test(check, tells_whether_the_configuration_is_good)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    cr_assert_eq(test_with(&rig), 0);
    rig_tenant(&rig, "b", port, "b");
    cr_assert_eq(test_with(&rig), 1);
    rig_tenant(&rig, "b", rig_port(), "refuse-me");
    cr_assert_eq(test_with(&rig), 1);
    rig_tenant(&rig, "b", rig_port(), "kill-me");
    cr_assert_eq(test_with(&rig), 1);
    rig_write(&rig, "tenants/b.conf", "nonsense;\n");
    cr_assert_eq(test_with(&rig), 1);
    rig_remove(&rig, "tenants/b.conf");
    cr_assert_eq(test_with(&rig), 0);
    rig_write(&rig, "nsgate.conf", "nonsense;\n");
    cr_assert_eq(test_with(&rig), 1);
    rig_close(&rig);
}

Test(check, dumps_all_files)
{
    struct rig rig;
    char path[128];

    cr_redirect_stdout();
    rig_open(&rig);
    rig_write(&rig, "nsgate.conf", "pid pid;\ntenants tenants/*.conf;\n");
    rig_write(&rig, "tenants/a.conf", "netns host;\n");
    snprintf(path, sizeof(path), "%s/nsgate.conf", rig.folder);
    cr_assert_eq(supervisor_test_with(path, true, "/proc/self/exe"), 0);
    char expected[512];
    snprintf(expected, sizeof(expected),
             "# configuration file %s:\npid pid;\ntenants tenants/*.conf;\n\n"
             "# configuration file %s/tenants/a.conf:\nnetns host;\n\n",
             path, rig.folder);
    cr_assert_stdout_eq_str(expected);
    rig_close(&rig);
}

/* What the start will open, without making or changing any of it. */
Test(check, tries_what_a_start_opens)
{
    struct rig rig;
    char path[128];

    rig_open(&rig);
    rig_write(&rig, "nsgate.conf", "pid pid;\nerror_log fresh;\ntenants tenants/*.conf;\n");
    cr_assert_eq(test_with(&rig), 0);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", rig.folder,
                 i == 0 ? "pid" : (i == 1 ? "pid.sock" : "fresh"));
        cr_assert_lt(access(path, F_OK), 0, "%s", path);
    }
    rig_write(&rig, "nsgate.conf", "pid nowhere/pid;\ntenants tenants/*.conf;\n");
    cr_assert_eq(test_with(&rig), 1);
    rig_write(&rig, "nsgate.conf", "pid pid;\nerror_log nowhere/log;\ntenants tenants/*.conf;\n");
    cr_assert_eq(test_with(&rig), 1);
    rig_write(&rig, "nsgate.conf", "pid pid;\nerror_log tenants;\ntenants tenants/*.conf;\n");
    cr_assert_eq(test_with(&rig), 1, "a folder is no file");
    rig_write(&rig, "nsgate.conf", "pid pid;\ntenants tenants/*.conf;\n");
    cr_assert_eq(test_with(&rig), 0);
    rig_write(&rig, "pid.sock", "precious");
    cr_assert_eq(test_with(&rig), 1);
    rig_close(&rig);
}

Test(check, an_nsgate_that_runs_is_no_obstacle)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    cr_assert_eq(test_with(&rig), 0);
    cr_assert(rig_has_logged(&rig, "started: 0 tenants"), "the log is not truncated");
    rig_close(&rig);
}
