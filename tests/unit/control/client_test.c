/* SPDX-License-Identifier: MIT */
/* Connections to the control socket: odd requests, many of them, those who go away. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

Test(client, is_greeted_and_refused_what_is_not_known)
{
    static const char *const unknown[] = {"dance\n", "\n", "reload \n", "reloa\n"};
    struct rig rig;
    char hello[64];
    char long_line[100];

    rig_open(&rig);
    rig.control.upgrades = 3;
    snprintf(hello, sizeof(hello), "\t%d\t3\n", (int)getpid());
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        rig_end(&rig, rig_ask(&rig, unknown[i]));
        cr_assert(rig_said(&rig, "hello\t") && rig_said(&rig, hello));
        cr_assert(rig_said(&rig, "error\tthis nsgate does not know that request\nend\t1\n"));
    }
    memset(long_line, 'r', sizeof(long_line));
    long_line[sizeof(long_line) - 1] = '\0';
    rig_end(&rig, rig_ask(&rig, long_line));
    cr_assert(rig_said(&rig, "end\t1\n"));
    cr_assert_eq(rig.runs, 0);
    rig_close(&rig);
}

Test(client, sends_a_line_in_pieces_and_closes_its_end)
{
    struct rig rig;
    int fd;

    rig_open(&rig);
    fd = rig_ask(&rig, "nev");
    rig_hear(&rig, fd, "hello");
    cr_assert_eq(write(fd, "er\nstatus\n", 10), 10);
    shutdown(fd, SHUT_WR);
    rig_end(&rig, fd);
    cr_assert(rig_said(&rig, "error\ta reason\nend\t1\n"));
    cr_assert_eq(rig.runs, 1);
    rig_close(&rig);
}

/* Fields are text of others: no tab or line of theirs is one of ours. */
Test(client, gets_no_line_of_others)
{
    struct rig rig;
    struct diag_list none;
    int fd;

    rig_open(&rig);
    diag_list_init(&none);
    fd = rig_ask(&rig, "reload\n");
    rig_hear(&rig, fd, "hello");
    while (rig.runs == 0)
        rig_turn(&rig);
    control_tell_reload_begun(&rig.control, &none);
    control_tell_tenant(&rig.control, "refused", SLICE("a\nend\t0\\"), "\x7f");
    control_tell_reload_ended(&rig.control, "done", 0);
    rig_end(&rig, fd);
    cr_assert(rig_said(&rig, "refused\ta\\x0aend\\x090\\x5c\t\\x7f\nsummary\tdone\nend\t0\n"));
    diag_list_free(&none);
    rig_close(&rig);
}

Test(client, waits_for_its_turn)
{
    struct rig rig;
    int fds[20];

    rig_open(&rig);
    for (int i = 0; i < 20; i++)
        fds[i] = rig_ask(&rig, i < 16 ? "reopen\n" : "never\n");
    while (rig.runs < 16)
        rig_turn(&rig);
    cr_assert_eq(rig.control.count, 16);
    control_tell_reopened(&rig.control, NULL);
    for (int i = 0; i < 20; i++) {
        rig_end(&rig, fds[i]);
        cr_assert(rig_said(&rig, i < 16 ? "end\t0\n" : "end\t1\n"), "client %d", i);
    }
    rig_close(&rig);
}

Test(client, harms_nobody_by_going_away)
{
    struct rig rig;

    rig_open(&rig);
    for (int i = 0; i < 100; i++) {
        close(rig_ask(&rig, i % 2 ? "never\n" : ""));
        rig_turn(&rig);
    }
    rig_end(&rig, rig_ask(&rig, "never\n"));
    cr_assert(rig_said(&rig, "end\t1\n"));
    rig_close(&rig);
}

/* Nobody else needs to wait for those who gave up; who has only said all is still there. */
Test(client, gives_up_its_place_when_it_waits_no_longer)
{
    struct rig rig;
    int patient;
    int fds[15];

    rig_open(&rig);
    patient = rig_ask(&rig, "upgrade\n");
    shutdown(patient, SHUT_WR);
    for (int i = 0; i < 15; i++) {
        fds[i] = rig_ask(&rig, "upgrade\n");
        rig_hear(&rig, fds[i], "hello");
    }
    while (rig.runs < 16)
        rig_turn(&rig);
    for (int i = 0; i < 15; i++)
        close(fds[i]);
    rig_end(&rig, rig_ask(&rig, "never\n"));
    cr_assert(rig_said(&rig, "end\t1\n"));
    while (rig.control.count > 1)
        ev_run(rig.loop.ev, EVRUN_ONCE);
    control_tell_ending(&rig.control);
    rig_end(&rig, patient);
    cr_assert(rig_said(&rig, "error\tnsgate is ending\nend\t1\n"));
    rig_close(&rig);
}
