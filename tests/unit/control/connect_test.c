/* SPDX-License-Identifier: MIT */
/* A client's way to the control socket. */
#include "control/connect.h"

#include "rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void check_path(const char *pid_file, const char *expected)
{
    char *path = control_path(pid_file);

    cr_assert_str_eq(path, expected);
    free(path);
}

Test(connect, beside_the_pid_file)
{
    check_path("/run/nsgate.pid", "/run/nsgate.sock");
    check_path("/run/pid", "/run/pid.sock");
    check_path("nsgate.pid.pid", "nsgate.pid.sock");
}

Test(connect, needs_somebody_there)
{
    errno = 0;
    cr_assert_eq(control_reach("/proc/self/nowhere.sock", 0), -1);
    cr_assert_eq(errno, ENOENT);
}

/* sun_path has 108 bytes. */
Test(connect, by_a_path_of_any_length)
{
    struct rig rig;
    char folder[256];
    char pid_file[300];
    char path[320];
    char text[512];
    int fd;

    rig_open(&rig);
    snprintf(folder, sizeof(folder), "mkdir %s/%0120d", rig.folder, 0);
    cr_assert_eq(system(folder), 0);
    snprintf(pid_file, sizeof(pid_file), "%s/pid", folder + strlen("mkdir "));
    snprintf(path, sizeof(path), "%s.sock", pid_file);
    cr_assert_eq(control_open(&rig.control, pid_file, text, sizeof(text)), 0, "%s", text);
    fd = control_reach(path, 0);
    cr_assert_geq(fd, 0);
    close(fd);
    rig_close(&rig);
}

/* ---- links from main files ---- */

/* A control socket that is known to be at that path, which is no socket's. */
static void adopt(struct control *control, struct loop *loop, const char *config, const char *path)
{
    static const struct control_request none[] = {{NULL, CONTROL_READING, NULL}};

    control_init(control, loop, config, none, NULL);
    control_adopt(control, socket(AF_UNIX, SOCK_STREAM, 0), path);
}

static void check_link(const char *config, const char *expected)
{
    char *found = control_link_find(config);

    if (expected)
        cr_assert_str_eq(found, expected);
    else
        cr_assert_null(found);
    free(found);
}

Test(connect, by_the_main_file)
{
    struct control control;
    struct control moved;
    struct loop loop;
    char config[64];

    loop_init(&loop);
    snprintf(config, sizeof(config), "/nsg-link-%d.conf", (int)getpid());
    check_link(config, NULL);
    adopt(&control, &loop, config, "/proc/self/status");
    adopt(&moved, &loop, config, "/proc/self/stat");
    check_link(config, "/proc/self/stat");
    control_close(&control); /* the link is another's by now */
    check_link(config, "/proc/self/stat");
    control_close(&moved);
    check_link(config, NULL);
    loop_free(&loop);
}

/* From the folder of the main file, as from anywhere else. */
Test(connect, by_a_relative_name_of_the_main_file)
{
    struct control control;
    struct loop loop;
    char config[64];

    loop_init(&loop);
    snprintf(config, sizeof(config), "/tmp/nsg-link-%d.conf", (int)getpid());
    adopt(&control, &loop, config, "/proc/self/stat");
    cr_assert_eq(chdir("/tmp"), 0);
    check_link(config + sizeof("/tmp"), "/proc/self/stat");
    control_close(&control);
    loop_free(&loop);
}

Test(connect, what_was_killed_leaves_no_link)
{
    struct control killed;
    struct control control;
    struct loop loop;
    char config[64];
    char other[64];

    loop_init(&loop);
    snprintf(config, sizeof(config), "/nsg-link-%d-a.conf", (int)getpid());
    snprintf(other, sizeof(other), "/nsg-link-%d-b.conf", (int)getpid());
    adopt(&killed, &loop, config, "/nowhere/nsgate.sock");
    check_link(config, "/nowhere/nsgate.sock");
    adopt(&control, &loop, other, "/proc/self/stat");
    check_link(config, NULL);
    control_close(&control);
    control_close(&killed);
    loop_free(&loop);
}
