/* SPDX-License-Identifier: MIT */
/* Connections to the control socket: odd requests, many of them, those who go away. */
#include "rig.h"
#include "talk.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(control_client, .fini = rig_end);

Test(control_client, greets_and_refuses_what_it_does_not_know)
{
    struct rig rig;
    char hello[64];
    char long_line[100];

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    cr_assert_eq(talk(&rig, "dance\n", "error\tthis nsgate does not know that request\nend\t1\n"),
                 0);
    snprintf(hello, sizeof(hello), "\t%d\t", (int)rig.pid);
    cr_assert(talk_said("hello\t") && talk_said(hello));
    memset(long_line, 'r', sizeof(long_line));
    long_line[sizeof(long_line) - 1] = '\0';
    cr_assert_eq(talk(&rig, long_line, "end\t1\n"), 0);
    cr_assert_eq(talk(&rig, "\n", "end\t1\n"), 0);
    cr_assert_eq(talk(&rig, "reload \n", "end\t1\n"), 0);
    rig_close(&rig);
}

Test(control_client, a_line_may_come_in_pieces_and_its_end_be_closed)
{
    struct rig rig;
    int fd;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    fd = talk_begin(&rig, "rel");
    usleep(20000);
    cr_assert_eq(write(fd, "oad\nstatus\n", 11), 11);
    shutdown(fd, SHUT_WR);
    talk_end(fd);
    cr_assert(talk_said("end\t0\n"));
    rig_close(&rig);
}

/* Fields are text of others: no tab or line of theirs is one of ours. */
Test(control_client, escapes_what_would_be_a_line_of_its_own)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    rig_tenant(&rig, "a\nend\t0\\", rig_port(), "a");
    cr_assert_eq(talk(&rig, "reload\n", "refused\ta\\x0aend\\x090\\x5c\t"), 0);
    cr_assert(talk_said("end\t1\n"));
    rig_close(&rig);
}

Test(control_client, many_are_served_one_after_the_other)
{
    struct rig rig;
    int fds[20];

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    for (int i = 0; i < 20; i++)
        fds[i] = talk_begin(&rig, "reload\n");
    for (int i = 0; i < 20; i++) {
        talk_end(fds[i]);
        cr_assert(talk_said("end\t0\n"), "client %d", i);
    }
    rig_close(&rig);
}

Test(control_client, those_who_go_away_harm_nobody)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_start(&rig, "started: 1 tenants");
    for (int i = 0; i < 100; i++)
        close(talk_begin(&rig, i % 2 ? "reload\n" : ""));
    cr_assert_eq(talk(&rig, "reload\n", "end\t0\n"), 0);
    rig_close(&rig);
}

static void write_main(const struct rig *rig, unsigned workers)
{
    rig_write(rig, "nsgate.conf",
              "worker_processes %u;\nerror_log log info;\npid pid;\n"
              "worker_shutdown_timeout 60s;\ntenants tenants/*.conf;\n",
              workers);
}

/* Once it is greeted and heard, nothing more is written to it for now. */
static void ask_and_go(struct rig *rig)
{
    int fd = talk_begin(rig, "upgrade\n");
    char byte;

    rig_expect(rig, "upgrading, as the control socket asks");
    do
        cr_assert_eq(read(fd, &byte, 1), 1);
    while (byte != '\n');
    close(fd);
}

/* An upgrade waits while old workers drain; nobody else needs to wait for those who gave up. */
Test(control_client, those_who_wait_no_longer_give_up_their_places)
{
    struct rig rig;
    int patient;

    rig_open(&rig);
    write_main(&rig, 1);
    rig_tenant(&rig, "a", rig_port(), "keep-worker");
    rig_start(&rig, "started: 1 tenants");
    write_main(&rig, 2);
    rig_signal(&rig, SIGHUP, "reload done");
    patient = talk_begin(&rig, "upgrade\n");
    shutdown(patient, SHUT_WR);
    rig_expect(&rig, "upgrading, as the control socket asks");
    for (int i = 0; i < 15; i++)
        ask_and_go(&rig);
    cr_assert_eq(talk(&rig, "status\n", "end\t0\n"), 0);
    usleep(1200000);
    rig_signal(&rig, SIGTERM, "ending");
    talk_end(patient);
    cr_assert(talk_said("error\tnsgate is ending"), "who still listens is told");
    rig_close(&rig);
}
