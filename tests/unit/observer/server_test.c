/* SPDX-License-Identifier: MIT */
/* Where the server listens, and how many it takes. */
#include "observer/rig.h"

#include <criterion/criterion.h>
#include <unistd.h>

static struct rig rig;

static void turn_until(unsigned count)
{
    for (int i = 0; i < 20000 && rig.server.count != count; i++)
        rig_turn(&rig);
    cr_assert_eq(rig.server.count, count);
}

Test(server, idle_clients_make_room)
{
    int fds[SERVER_CLIENTS + 10];
    int late;

    rig_open(&rig, "");
    for (int i = 0; i < SERVER_CLIENTS; i++)
        fds[i] = rig_connect(&rig);
    turn_until(SERVER_CLIENTS);
    rig_send(fds[0], "GET /"); /* it is not idle */
    for (int i = 0; i < 100; i++)
        rig_turn(&rig);
    late = rig_connect(&rig);
    rig_send(late, "GET /healthz HTTP/1.1\r\nHost: 1.1.1.1\r\n\r\n");
    rig_hear(&rig, late, "ok");
    rig_end(&rig, fds[1]);
    cr_assert_eq(rig.len, 0, "the first that was idle");
    cr_assert_eq(rig.server.count, SERVER_CLIENTS);
    rig_send(fds[0], "healthz HTTP/1.1\r\nHost: 1.1.1.1\r\n\r\n");
    rig_hear(&rig, fds[0], "ok");
    rig_close(&rig);
}

static void turn_for_long(void)
{
    for (int i = 0; i < 200; i++)
        rig_turn(&rig);
}

/* One that asks, behind all who may be there at a time and have begun to ask. */
static int come_late(int fds[SERVER_CLIENTS])
{
    int late;

    rig_open(&rig, "");
    for (int i = 0; i < SERVER_CLIENTS; i++) {
        fds[i] = rig_connect(&rig);
        rig_send(fds[i], "G");
    }
    turn_until(SERVER_CLIENTS);
    turn_for_long();
    late = rig_connect(&rig);
    rig_send(late, "GET /healthz HTTP/1.1\r\nHost: 1.1.1.1\r\n\r\n");
    turn_for_long();
    return late;
}

Test(server, others_wait_until_there_is_room)
{
    int fds[SERVER_CLIENTS];
    int late = come_late(fds);

    cr_assert_eq(rig.server.count, SERVER_CLIENTS);
    close(fds[7]);
    rig_hear(&rig, late, "ok");
    rig_close(&rig);
}

Test(server, who_becomes_idle_makes_room_for_who_waits)
{
    int fds[SERVER_CLIENTS];
    int late = come_late(fds);

    rig_send(fds[7], "ET /healthz HTTP/1.1\r\nHost: 1.1.1.1\r\n\r\n");
    rig_hear(&rig, fds[7], "ok");
    rig_hear(&rig, late, "ok");
    cr_assert_eq(rig.server.count, SERVER_CLIENTS);
    rig_close(&rig);
}

Test(server, a_place_that_is_closed_keeps_who_is_there)
{
    int fd, other;

    rig_open(&rig, "");
    fd = rig_connect(&rig);
    turn_until(1);
    server_close(&rig.server, SLICE("127.0.0.1:2"));
    other = rig_connect(&rig);
    turn_until(2);
    server_close(&rig.server, SLICE("127.0.0.1:1"));
    cr_assert_lt(connect(other, (struct sockaddr *)&rig.address, sizeof(rig.address)), 0);
    rig_send(fd, "GET /healthz HTTP/1.1\r\nHost: 1.1.1.1\r\n\r\n");
    rig_hear(&rig, fd, "ok");
    rig_close(&rig);
}
