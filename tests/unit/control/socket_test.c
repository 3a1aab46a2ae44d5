/* SPDX-License-Identifier: MIT */
/* The control socket's place and mode, and what happens to what lies there already. */
#include "control/connect.h"

#include "rig.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Test(socket, is_its_owners_alone_and_goes_at_the_end)
{
    struct rig rig;
    struct stat status;
    char command[128];

    rig_open(&rig);
    cr_assert_eq(stat(rig.path, &status), 0);
    cr_assert(S_ISSOCK(status.st_mode));
    cr_assert_eq(status.st_mode & 0777, 0600);
    snprintf(command, sizeof(command), "ls -A %s | grep -qv '^a.sock$'", rig.folder);
    cr_assert_neq(system(command), 0, "nothing of the way to its name is left");
    control_close(&rig.control);
    cr_assert_neq(stat(rig.path, &status), 0);
    rig_close(&rig);
}

/* What one that was killed leaves: nobody listens there. */
Test(socket, a_stale_one_is_replaced)
{
    struct rig rig;
    struct control next;
    char text[512];

    rig_open(&rig);
    close(rig.control.fd);
    rig.control.fd = -1;
    control_init(&next, &rig.loop, NULL, rig.control.requests, &rig);
    cr_assert_eq(control_open(&next, rig.pid_file, text, sizeof(text)), 0, "%s", text);
    rig_end(&rig, rig_ask(&rig, "never\n"));
    cr_assert(rig_said(&rig, "end\t1\n"));
    control_close(&next);
    rig_close(&rig);
}

Test(socket, a_file_is_not_replaced)
{
    struct rig rig;
    char pid_file[128];
    char path[128];
    char text[512];

    rig_open(&rig);
    snprintf(pid_file, sizeof(pid_file), "%s/file", rig.folder);
    snprintf(path, sizeof(path), "%s/file.sock", rig.folder);
    cr_assert_eq(control_try(pid_file, text, sizeof(text)), 0);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    cr_assert_eq(control_try(pid_file, text, sizeof(text)), -1);
    cr_assert_eq(control_open(&rig.control, pid_file, text, sizeof(text)), -1);
    cr_assert(strstr(text, "file.sock: something else lies there"), "%s", text);
    cr_assert_eq(access(path, F_OK), 0);
    rig_end(&rig, rig_ask(&rig, "never\n")); /* where it was */
    rig_close(&rig);
}

/* "a" and "a.pid" lead to the same socket. */
Test(socket, belongs_to_one_of_two)
{
    struct rig rig;
    struct control second;
    char pid_file[128];
    char text[512];

    rig_open(&rig);
    snprintf(pid_file, sizeof(pid_file), "%s/a", rig.folder);
    control_init(&second, &rig.loop, NULL, rig.control.requests, &rig);
    cr_assert_eq(control_open(&second, pid_file, text, sizeof(text)), -1);
    cr_assert(strstr(text, "a.sock: it belongs to an nsgate that runs"), "%s", text);
    control_close(&second);
    rig_end(&rig, rig_ask(&rig, "never\n"));
    cr_assert(rig_said(&rig, "end\t1\n"));
    rig_close(&rig);
}

Test(socket, moves_and_keeps_who_is_connected)
{
    struct rig rig;
    char pid_file[128];
    char text[512];
    int early;

    rig_open(&rig);
    early = rig_ask(&rig, "");
    rig_hear(&rig, early, "hello");
    snprintf(pid_file, sizeof(pid_file), "%s/other.pid", rig.folder);
    cr_assert_eq(control_open(&rig.control, pid_file, text, sizeof(text)), 0, "%s", text);
    cr_assert_lt(control_reach(rig.path, 0), 0);
    cr_assert_eq(write(early, "never\n", 6), 6);
    rig_end(&rig, early);
    cr_assert(rig_said(&rig, "end\t1\n"));
    snprintf(rig.path, sizeof(rig.path), "%s/other.sock", rig.folder);
    rig_end(&rig, rig_ask(&rig, "never\n"));
    cr_assert(rig_said(&rig, "end\t1\n"));
    rig_close(&rig);
}
