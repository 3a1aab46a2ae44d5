/* SPDX-License-Identifier: MIT */
/* -s finds the nsgate that runs, whatever stands in its main file by now. */
#include "rig/rig.h"

#include "control/protocol.h"
#include "supervisor/supervisor.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(running, .fini = rig_end);

static void main_file(const struct rig *rig, char path[128])
{
    snprintf(path, 128, "%s/nsgate.conf", rig->folder);
}

/* Whether somebody is found. */
static bool is_found(const char *config, const char *socket)
{
    int fd = supervisor_connect(config, socket);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

Test(running, signals_the_one_that_runs)
{
    struct rig rig;
    char path[128];

    rig_open(&rig);
    main_file(&rig, path);
    cr_assert_eq(supervisor_signal(path, NULL, "quit"), 1);
    cr_assert_eq(supervisor_signal(path, NULL, "dance"), 1);
    rig_start(&rig, "started: 0 tenants");
    cr_assert_eq(supervisor_signal(path, NULL, "dance"), 1);
    cr_assert_eq(supervisor_signal(path, NULL, "stop"), 0);
    cr_assert_eq(rig_wait(&rig), 0);
    cr_assert_eq(supervisor_signal(path, NULL, "stop"), 1);
    rig_close(&rig);
}

Test(running, a_broken_main_file_is_no_obstacle)
{
    static const char *const broken[] = {"nonsense;\n", "pid nowhere/pid;\n", "pid\n", ""};
    struct rig rig;
    char path[128];

    rig_open(&rig);
    main_file(&rig, path);
    cr_assert_not(is_found(path, NULL));
    rig_start(&rig, "started: 0 tenants");
    cr_assert(is_found(path, NULL));
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        rig_write(&rig, "nsgate.conf", "%s", broken[i]);
        cr_assert(is_found(path, NULL), "%s", broken[i]);
    }
    rig_remove(&rig, "nsgate.conf");
    cr_assert(is_found(path, NULL), "nor is one that is gone");
    cr_assert_eq(supervisor_signal(path, NULL, "quit"), 0);
    cr_assert_eq(rig_wait(&rig), 0);
    cr_assert_not(is_found(path, NULL));
    rig_close(&rig);
}

/* By what the file says alone, as it is for those who are not root. */
Test(running, by_the_pid_that_a_broken_main_file_names)
{
    struct rig rig;
    char path[128];

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    snprintf(path, sizeof(path), "%s/other.conf", rig.folder);
    rig_write(&rig, "other.conf", "nonsense;\npid pid;\n");
    cr_assert(is_found(path, NULL));
    rig_write(&rig, "other.conf", "nonsense;\n");
    cr_assert_not(is_found(path, NULL), "nobody else's is taken for it");
    rig_close(&rig);
}

Test(running, by_the_socket)
{
    struct rig rig;
    char socket[128];

    rig_open(&rig);
    snprintf(socket, sizeof(socket), "%s/pid.sock", rig.folder);
    cr_assert_not(is_found("/nowhere.conf", socket));
    rig_start(&rig, "started: 0 tenants");
    cr_assert(is_found("/nowhere.conf", socket));
    cr_assert_not(is_found("/nowhere.conf", NULL));
    cr_assert_eq(supervisor_signal("/nowhere.conf", socket, "stop"), 0);
    cr_assert_eq(rig_wait(&rig), 0);
    rig_close(&rig);
}
