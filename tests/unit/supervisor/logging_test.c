/* SPDX-License-Identifier: MIT */
/* Log files that are moved away, and settings that move them. */
#include "rig/rig.h"
#include "rig/talk.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
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

static void write_main(const struct rig *rig, const char *log, const char *pid)
{
    rig_write(rig, "nsgate.conf",
              "worker_processes 2;\nerror_log %s info;\npid %s;\ntenants tenants/*.conf;\n", log,
              pid);
}

/* All else of the reload is in force; who asked for it is told, and so is who asks again. */
Test(logging, a_log_that_cannot_be_opened_leaves_the_old)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    write_main(&rig, "nowhere/log", "pid");
    rig_tenant(&rig, "a", port, "a");
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(talk(&rig, "reload\n", "end\t1\n"), 0);
        cr_assert(talk_said("error\tcannot open the error log "));
        cr_assert(talk_said(", 1 setting not taken over\n"));
        cr_assert(rig_connects(port));
    }
    rig_expect(&rig, "reload done: 1 added, 0 changed, 0 removed, 0 refused, 1 setting not taken");
    cr_assert_eq(talk(&rig, "reopen\n", "end\t1\n"), 0);
    cr_assert(talk_said("nowhere/log: No such file or directory; the log stays where it is\n"));
    write_main(&rig, "log", "pid");
    cr_assert_eq(talk(&rig, "reload\n", "end\t0\n"), 0);
    cr_assert_eq(talk(&rig, "reopen\n", "end\t0\n"), 0);
    rig_close(&rig);
}

Test(logging, a_pid_file_that_cannot_be_made_leaves_the_old)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    write_main(&rig, "nowhere/log", "nowhere/pid");
    cr_assert_eq(talk(&rig, "reload\n", "end\t1\n"), 0);
    cr_assert(talk_said("cannot open pid file "));
    cr_assert(talk_said(", 2 settings not taken over\n"));
    rig_signal(&rig, SIGHUP, "2 settings not taken over");
    cr_assert_eq(talk(&rig, "status\n", "end\t0\n"), 0);
    write_main(&rig, "log", "moved");
    cr_assert_eq(talk(&rig, "reload\n", "end\t0\n"), 0);
    cr_assert_eq(talk_at(&rig, "moved.sock", "status\n", "end\t0\n"), 0);
    rig_close(&rig);
}

/* As logrotate leaves it with `create 0640 www-data adm`. */
Test(logging, anothers_file_is_opened_as_its_owner)
{
    struct rig rig;
    char path[128];

    rig_open(&rig);
    snprintf(path, sizeof(path), "%s/log", rig.folder);
    cr_assert_eq(chmod(path, 0640), 0);
    cr_assert_eq(chown(path, 65534, 4), 0);
    rig_start(&rig, "started: 0 tenants");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(unlink(path), 0);
        rig_write(&rig, "log", "%s", "");
        cr_assert_eq(chmod(path, 0640), 0);
        cr_assert_eq(chown(path, 65534, 4), 0);
        cr_assert_eq(talk(&rig, "reopen\n", "end\t0\n"), 0);
        cr_assert(rig_has_logged(&rig, "logs opened anew"));
        rig_signal(&rig, SIGHUP, "reload done");
    }
    rig_close(&rig);
}

/* Each who asks is answered, however many ask while the child runs, and the last file is used. */
Test(logging, many_ask_at_once)
{
    struct rig rig;
    char path[128];
    int asking[8];

    rig_open(&rig);
    snprintf(path, sizeof(path), "%s/log", rig.folder);
    cr_assert_eq(chown(path, 65534, 4), 0);
    rig_start(&rig, "started: 0 tenants");
    for (int i = 0; i < 8; i++)
        asking[i] = talk_begin(&rig, i % 2 ? "reopen\n" : "reload\n");
    for (int i = 0; i < 8; i++) {
        talk_end(asking[i]);
        cr_assert(talk_said("end\t0\n"));
    }
    rig_close(&rig);
}
