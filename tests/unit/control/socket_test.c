/* SPDX-License-Identifier: MIT */
/* The control socket's place and mode, and what happens to what lies there already. */
#include "control/connect.h"

#include "server.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Test(socket, is_its_owners_alone_and_goes_at_the_end)
{
    struct server server;
    struct stat status;
    char command[128];

    server_open(&server);
    cr_assert_eq(stat(server.path, &status), 0);
    cr_assert(S_ISSOCK(status.st_mode));
    cr_assert_eq(status.st_mode & 0777, 0600);
    snprintf(command, sizeof(command), "ls -A %s | grep -qv '^a.sock$'", server.folder);
    cr_assert_neq(system(command), 0, "nothing of the way to its name is left");
    control_close(&server.control);
    cr_assert_neq(stat(server.path, &status), 0);
    server_close(&server);
}

/* What one that was killed leaves: nobody listens there. */
Test(socket, a_stale_one_is_replaced)
{
    struct server server;
    struct control next;
    char text[512];

    server_open(&server);
    close(server.control.fd);
    server.control.fd = -1;
    control_init(&next, &server.loop, NULL, server.control.requests, &server);
    cr_assert_eq(control_open(&next, server.pid_file, text, sizeof(text)), 0, "%s", text);
    server_end(&server, server_ask(&server, "never\n"));
    cr_assert(server_said(&server, "end\t1\n"));
    control_close(&next);
    server_close(&server);
}

Test(socket, a_file_is_not_replaced)
{
    struct server server;
    char pid_file[128];
    char path[128];
    char text[512];

    server_open(&server);
    snprintf(pid_file, sizeof(pid_file), "%s/file", server.folder);
    snprintf(path, sizeof(path), "%s/file.sock", server.folder);
    cr_assert_eq(control_try(pid_file, text, sizeof(text)), 0);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    cr_assert_eq(control_try(pid_file, text, sizeof(text)), -1);
    cr_assert_eq(control_open(&server.control, pid_file, text, sizeof(text)), -1);
    cr_assert(strstr(text, "file.sock: something else lies there"), "%s", text);
    cr_assert_eq(access(path, F_OK), 0);
    server_end(&server, server_ask(&server, "never\n")); /* where it was */
    server_close(&server);
}

/* "a" and "a.pid" lead to the same socket. */
Test(socket, belongs_to_one_of_two)
{
    struct server server;
    struct control second;
    char pid_file[128];
    char text[512];

    server_open(&server);
    snprintf(pid_file, sizeof(pid_file), "%s/a", server.folder);
    control_init(&second, &server.loop, NULL, server.control.requests, &server);
    cr_assert_eq(control_open(&second, pid_file, text, sizeof(text)), -1);
    cr_assert(strstr(text, "a.sock: it belongs to an nsgate that runs"), "%s", text);
    control_close(&second);
    server_end(&server, server_ask(&server, "never\n"));
    cr_assert(server_said(&server, "end\t1\n"));
    server_close(&server);
}

Test(socket, moves_and_keeps_who_is_connected)
{
    struct server server;
    char pid_file[128];
    char text[512];
    int early;

    server_open(&server);
    early = server_ask(&server, "");
    server_hear(&server, early, "hello");
    snprintf(pid_file, sizeof(pid_file), "%s/other.pid", server.folder);
    cr_assert_eq(control_open(&server.control, pid_file, text, sizeof(text)), 0, "%s", text);
    cr_assert_lt(control_connect(server.path), 0);
    cr_assert_eq(write(early, "never\n", 6), 6);
    server_end(&server, early);
    cr_assert(server_said(&server, "end\t1\n"));
    snprintf(server.path, sizeof(server.path), "%s/other.sock", server.folder);
    server_end(&server, server_ask(&server, "never\n"));
    cr_assert(server_said(&server, "end\t1\n"));
    server_close(&server);
}
