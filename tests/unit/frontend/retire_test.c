/* SPDX-License-Identifier: MIT */
/* Ends that lose no request, and limits of what is gone. */
#include "frontend/rig.h"

#include <math.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig rig;

/* ---- thousands at once ---- */

#define CROWD 400

struct neighbour {
    struct loop_task task;
    struct rig *rig;
    bool came_between; /* some of the crowd were gone by then, others were there */
};

static void on_turn(struct loop_task *task)
{
    struct neighbour *neighbour = (struct neighbour *)task;
    unsigned left = frontend_connections(neighbour->rig->frontend);

    neighbour->came_between = neighbour->came_between || (left > 0 && left < CROWD);
    if (left > 0)
        loop_defer(&neighbour->rig->loop, task);
}

/* Nor does what the supervisor says wait until all are gone. */
Test(retire, others_are_served_while_a_tenants_connections_end)
{
    int clients[CROWD];

    rig_start(&rig, "return 200 'one';");
    for (unsigned i = 0; i < CROWD; i++) {
        clients[i] = client_open(&rig);
        rig_until(&rig, frontend_connections(rig.frontend) == i + 1);
    }
    frontend_remove_tenant(rig.frontend, SLICE("acme"));
    cr_assert_eq(frontend_connections(rig.frontend), CROWD);

    struct neighbour neighbour = {.task.run = on_turn, .rig = &rig};
    struct loop_share *share = loop_share_new(&rig.loop, 100);
    struct loop_share *before = loop_enter(&rig.loop, share);
    loop_defer(&rig.loop, &neighbour.task);
    loop_leave(&rig.loop, before);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    cr_assert(neighbour.came_between);
    loop_cancel(&rig.loop, &neighbour.task);
    loop_share_unref(share);
    for (unsigned i = 0; i < CROWD; i++)
        close(clients[i]);
    rig_close(&rig);
}

/* ---- drains lose no request ---- */

Test(retire, a_drain_answers_who_asks_just_then_and_says_that_it_was_the_last)
{
    rig_start(&rig, "return 200 'one';");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    client_expect(&rig, fd, "one");
    frontend_drain(rig.frontend, 30);
    rig_run(&rig, 0.05);
    cr_assert_eq(frontend_connections(rig.frontend), 1);
    client_send(&rig, fd, GET);
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "Connection: close\r\n"));
    cr_assert(strstr(rig.text, "one"));
    close(fd);
    rig_until(&rig, rig.drained == 1);
    rig_close(&rig);
}

Test(retire, a_drain_does_not_wait_long_for_who_asks_nothing)
{
    rig_start(&rig, "return 200 'one';");
    int idle = client_open(&rig);
    client_send(&rig, idle, GET);
    client_expect(&rig, idle, "one");
    int fresh = client_open(&rig);
    rig_until(&rig, frontend_connections(rig.frontend) == 2);
    struct rig_watch watch = rig_watch(&rig);
    frontend_drain(rig.frontend, 0.6);
    rig_until(&rig, rig.drained == 1);
    rig_expect_took(&rig, &watch, 0.15, 0.45);
    client_rest(&rig, idle);
    cr_assert_eq(rig.len, 0);
    cr_assert_not(rig.was_reset);
    close(idle);
    close(fresh);
    rig_close(&rig);
}

/* Its response had promised another one before the drain began. */
Test(retire, a_drain_keeps_what_a_response_has_promised)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nold");
    client_expect(&rig, fd, "old");
    cr_assert_null(strstr(rig.text, "Connection: close"));
    frontend_drain(rig.frontend, 30);
    client_send(&rig, back, "end");
    client_expect(&rig, fd, "end");
    client_send(&rig, fd, GET);
    rig_run(&rig, 0.05);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "Connection: close\r\n"));
    cr_assert(strstr(rig.text, "new"));
    close(fd);
    close(back);
    rig_close(&rig);
}

/* ---- what is gone has a limit ---- */

static int start_tunnel(int *back)
{
    static const char upgrade[] =
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    int fd = client_open(&rig);

    client_send(&rig, fd, upgrade);
    *back = server_accept(&rig);
    client_send(&rig, *back,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    client_expect(&rig, fd, "101 ");
    return fd;
}

Test(retire, connections_of_a_closed_listener_are_cut_in_the_end)
{
    int back;

    rig_start_proxy(&rig, "");
    int tunnel = start_tunnel(&back);
    frontend_remove_listener(rig.frontend, RIG_LISTENER, 0.2);
    rig_listen(&rig, "acme");
    int later = client_open(&rig);
    client_send(&rig, later, "GET / HT");
    rig_run(&rig, 0.1);
    cr_assert_eq(frontend_connections(rig.frontend), 2);
    client_send(&rig, back, "on");
    client_expect(&rig, tunnel, "on");
    client_rest(&rig, tunnel);
    cr_assert(rig.was_reset);
    client_rest(&rig, back);
    rig_run(&rig, 0.1);
    cr_assert_eq(frontend_connections(rig.frontend), 1, "it came by the new one");
    close(tunnel);
    close(later);
    close(back);
    rig_close(&rig);
}

/* The tenant has moved, and keeps its address; then the namespace of before goes. */
Test(retire, the_same_address_in_two_namespaces_is_two)
{
    struct frontend_listener_id moved = *RIG_LISTENER;
    int back;

    moved.netns = 4026532000;
    rig_start_proxy(&rig, "");
    int tunnel = start_tunnel(&back);
    frontend_remove_listener(rig.frontend, RIG_LISTENER, 30);
    frontend_add_listener(rig.frontend, &moved, dup(rig.listener));
    int later = client_open(&rig);
    client_send(&rig, later, "GET / HT");
    rig_until(&rig, frontend_connections(rig.frontend) == 2);
    frontend_remove_listener(rig.frontend, RIG_LISTENER, 0.1);
    client_rest(&rig, tunnel);
    cr_assert(rig.was_reset);
    rig_run(&rig, 0.2);
    cr_assert_eq(frontend_connections(rig.frontend), 1, "it came in the other namespace");
    close(later);
    later = client_open(&rig);
    rig_until(&rig, frontend_connections(rig.frontend) == 1);
    close(tunnel);
    close(later);
    close(back);
    rig_close(&rig);
}

/* Its socket was killed from inside: that is no fault of theirs. */
Test(retire, connections_of_a_listener_that_another_follows_go_on)
{
    rig_start(&rig, "return 200 'one';");
    int idle = client_open(&rig);
    client_send(&rig, idle, GET);
    client_expect(&rig, idle, "one");
    frontend_remove_listener(rig.frontend, RIG_LISTENER, INFINITY);
    rig_run(&rig, 0.1);
    for (int i = 0; i < 2; i++) {
        client_send(&rig, idle, GET);
        client_expect(&rig, idle, "one");
        cr_assert_null(strstr(rig.text, "Connection: close"));
        rig_listen(&rig, "acme");
    }
    close(idle);
    rig_close(&rig);
}

Test(retire, a_removed_tenant_is_cut_in_the_end)
{
    int back;

    rig_start_proxy(&rig, "");
    frontend_set_drain_limit(rig.frontend, 0.2);
    int tunnel = start_tunnel(&back);
    frontend_remove_tenant(rig.frontend, SLICE("acme"));
    rig_run(&rig, 0.05);
    client_send(&rig, back, "on");
    client_expect(&rig, tunnel, "on");
    client_rest(&rig, tunnel);
    cr_assert(rig.was_reset);
    cr_assert_eq(frontend_connections(rig.frontend), 0);
    close(tunnel);
    close(back);
    rig_close(&rig);
}

/* The namespace goes while the worker drains. */
Test(retire, a_limit_counts_during_a_drain)
{
    int back;

    rig_start_proxy(&rig, "");
    int tunnel = start_tunnel(&back);
    int idle = client_open(&rig);
    rig_until(&rig, frontend_connections(rig.frontend) == 2);
    frontend_drain(rig.frontend, 30);
    rig_run(&rig, 0.05);
    cr_assert_eq(frontend_connections(rig.frontend), 2);
    frontend_remove_listener(rig.frontend, RIG_LISTENER, 0.1);
    rig_until(&rig, frontend_connections(rig.frontend) == 1); /* what is idle goes at once */
    rig_until(&rig, rig.drained == 1);
    close(tunnel);
    close(idle);
    close(back);
    rig_close(&rig);
}

/* ---- handed over to another worker ---- */

Test(retire, a_tenant_that_is_handed_over_goes_with_its_last_connection)
{
    rig_start(&rig, "return 200 'one';");
    int asks = client_open(&rig);
    client_send(&rig, asks, GET);
    client_expect(&rig, asks, "one");
    frontend_set_drain_limit(rig.frontend, 0.8);
    frontend_hand_over_tenant(rig.frontend, SLICE("acme"));
    rig_run(&rig, 0.05);
    cr_assert_eq(frontend_connections(rig.frontend), 1);
    client_send(&rig, asks, GET);
    client_rest(&rig, asks);
    cr_assert(strstr(rig.text, "Connection: close\r\n"));
    cr_assert(strstr(rig.text, "one"));
    close(asks);
    rig_until(&rig, !frontend_find_tenant(rig.frontend, SLICE("acme")));
    rig_close(&rig);
}

Test(retire, a_tenant_without_connections_is_handed_over_at_once)
{
    rig_start(&rig, "return 200 'one';");
    frontend_hand_over_tenant(rig.frontend, SLICE("acme"));
    frontend_hand_over_tenant(rig.frontend, SLICE("nobody"));
    cr_assert_null(frontend_find_tenant(rig.frontend, SLICE("acme")));
    rig_close(&rig);
}

Test(retire, a_tenant_may_come_back_while_it_is_handed_over)
{
    rig_start(&rig, "return 200 'one';");
    int idle = client_open(&rig);
    client_send(&rig, idle, GET);
    client_expect(&rig, idle, "one");
    frontend_set_drain_limit(rig.frontend, 0.4);
    frontend_hand_over_tenant(rig.frontend, SLICE("acme"));
    rig_set_tenant(&rig, "acme", "", "return 200 'two';");
    rig_listen(&rig, "acme");
    client_rest(&rig, idle);
    cr_assert_eq(frontend_connections(rig.frontend), 0);
    client_ask(&rig, GET, "two");
    close(idle);
    rig_close(&rig);
}

Test(retire, what_is_handed_over_has_a_limit_too)
{
    int back;

    rig_start_proxy(&rig, "");
    frontend_set_drain_limit(rig.frontend, 0.3);
    int tunnel = start_tunnel(&back);
    frontend_hand_over_tenant(rig.frontend, SLICE("acme"));
    client_send(&rig, back, "on");
    client_expect(&rig, tunnel, "on");
    client_rest(&rig, tunnel);
    cr_assert(rig.was_reset);
    rig_until(&rig, !frontend_find_tenant(rig.frontend, SLICE("acme")));
    close(tunnel);
    close(back);
    rig_close(&rig);
}
