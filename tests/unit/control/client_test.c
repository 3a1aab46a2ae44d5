/* SPDX-License-Identifier: MIT */
/* Connections to the control socket: odd requests, many of them, those who go away. */
#include "server.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

Test(client, is_greeted_and_refused_what_is_not_known)
{
    static const char *const unknown[] = {"dance\n", "\n", "reload \n", "reloa\n"};
    struct server server;
    char hello[64];
    char long_line[100];

    server_open(&server);
    server.control.upgrades = 3;
    snprintf(hello, sizeof(hello), "\t%d\t3\n", (int)getpid());
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        server_end(&server, server_ask(&server, unknown[i]));
        cr_assert(server_said(&server, "hello\t") && server_said(&server, hello));
        cr_assert(server_said(&server, "error\tthis nsgate does not know that request\nend\t1\n"));
    }
    memset(long_line, 'r', sizeof(long_line));
    long_line[sizeof(long_line) - 1] = '\0';
    server_end(&server, server_ask(&server, long_line));
    cr_assert(server_said(&server, "end\t1\n"));
    cr_assert_eq(server.runs, 0);
    server_close(&server);
}

Test(client, sends_a_line_in_pieces_and_closes_its_end)
{
    struct server server;
    int fd;

    server_open(&server);
    fd = server_ask(&server, "nev");
    server_hear(&server, fd, "hello");
    cr_assert_eq(write(fd, "er\nstatus\n", 10), 10);
    shutdown(fd, SHUT_WR);
    server_end(&server, fd);
    cr_assert(server_said(&server, "error\ta reason\nend\t1\n"));
    cr_assert_eq(server.runs, 1);
    server_close(&server);
}

/* Fields are text of others: no tab or line of theirs is one of ours. */
Test(client, gets_no_line_of_others)
{
    struct server server;
    struct diag_list none;
    int fd;

    server_open(&server);
    diag_list_init(&none);
    fd = server_ask(&server, "reload\n");
    server_hear(&server, fd, "hello");
    while (server.runs == 0)
        server_turn(&server);
    control_tell_reload_begun(&server.control, &none);
    control_tell_tenant(&server.control, "refused", SLICE("a\nend\t0\\"), "\x7f");
    control_tell_reload_ended(&server.control, "done", 0);
    server_end(&server, fd);
    cr_assert(
        server_said(&server, "refused\ta\\x0aend\\x090\\x5c\t\\x7f\nsummary\tdone\nend\t0\n"));
    diag_list_free(&none);
    server_close(&server);
}

Test(client, waits_for_its_turn)
{
    struct server server;
    int fds[20];

    server_open(&server);
    for (int i = 0; i < 20; i++)
        fds[i] = server_ask(&server, i < 16 ? "reopen\n" : "never\n");
    while (server.runs < 16)
        server_turn(&server);
    cr_assert_eq(server.control.count, 16);
    control_tell_reopened(&server.control, NULL);
    for (int i = 0; i < 20; i++) {
        server_end(&server, fds[i]);
        cr_assert(server_said(&server, i < 16 ? "end\t0\n" : "end\t1\n"), "client %d", i);
    }
    server_close(&server);
}

Test(client, harms_nobody_by_going_away)
{
    struct server server;

    server_open(&server);
    for (int i = 0; i < 100; i++) {
        close(server_ask(&server, i % 2 ? "never\n" : ""));
        server_turn(&server);
    }
    server_end(&server, server_ask(&server, "never\n"));
    cr_assert(server_said(&server, "end\t1\n"));
    server_close(&server);
}

/* Nobody else needs to wait for those who gave up; who has only said all is still there. */
Test(client, gives_up_its_place_when_it_waits_no_longer)
{
    struct server server;
    int patient;
    int fds[15];

    server_open(&server);
    patient = server_ask(&server, "upgrade\n");
    shutdown(patient, SHUT_WR);
    for (int i = 0; i < 15; i++) {
        fds[i] = server_ask(&server, "upgrade\n");
        server_hear(&server, fds[i], "hello");
    }
    while (server.runs < 16)
        server_turn(&server);
    for (int i = 0; i < 15; i++)
        close(fds[i]);
    server_end(&server, server_ask(&server, "never\n"));
    cr_assert(server_said(&server, "end\t1\n"));
    while (server.control.count > 1)
        ev_run(server.loop.ev, EVRUN_ONCE);
    control_tell_ending(&server.control);
    server_end(&server, patient);
    cr_assert(server_said(&server, "error\tnsgate is ending\nend\t1\n"));
    server_close(&server);
}
