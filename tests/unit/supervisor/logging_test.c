/* SPDX-License-Identifier: MIT */
/* Log files that are moved away, and settings that move them. */
#include "rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

TestSuite(logging, .fini = rig_end);

Test(logging, reopens)
{
    struct rig rig;
    char from[128];
    char to[128];

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    snprintf(from, sizeof(from), "%s/log", rig.folder);
    snprintf(to, sizeof(to), "%s/log.1", rig.folder);
    cr_assert_eq(rename(from, to), 0);
    kill(rig.pid, SIGUSR1);
    rig_expect(&rig, "logs opened anew");
    cr_assert_not(rig_has_logged(&rig, "started: 0 tenants"));
    rig_close(&rig);
}

Test(logging, a_log_that_cannot_be_opened_leaves_the_old)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    rig_write(&rig, "nsgate.conf",
              "worker_processes 2;\nerror_log nowhere/log info;\npid pid;\ntenants t/*.conf;\n");
    rig_signal(&rig, SIGHUP, "cannot open the error log");
    rig_expect(&rig, "reload done: ");
    rig_close(&rig);
}
