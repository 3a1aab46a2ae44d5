/* SPDX-License-Identifier: MIT */
/* Ends of HTTP/2 connections: what they are to the exchanges, and to the endpoint. */
#include "h2_rig.h"

#include <criterion/criterion.h>

#include <unistd.h>

static struct rig rig;

static void setup(void)
{
    h2_rig_init(&rig);
}

static void teardown(void)
{
    peers_free();
    rig_free(&rig);
}

TestSuite(h2_end, .init = setup, .fini = teardown);

Test(h2_end, a_close_fails_all_it_carried)
{
    struct visit visits[3];
    for (unsigned i = 0; i < 3; i++)
        visit_get(&visits[i], &rig);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 3);
    peer_respond(&peer->streams[0], 200, 10, false);
    H2_UNTIL(&rig, visits[0].body_len == 10);
    peer_close(peer);
    RIG_UNTIL(&rig, visits[0].failures && visits[1].failures && visits[2].failures);
    cr_assert_eq(visits[0].error, ERROR_BACKEND_TRUNCATED);
    cr_assert(visits[0].is_broken);
    cr_assert_eq(visits[1].error, ERROR_RETIRED);
    cr_assert_not(visits[1].untouched);
    for (unsigned i = 0; i < 3; i++)
        visit_close(&visits[i]);
}

/* They are told in pieces; who leaves meanwhile is told nothing. */
Test(h2_end, a_close_fails_however_many_it_carried)
{
    enum { COUNT = 90 };
    static struct visit visits[COUNT];
    for (unsigned i = 0; i < COUNT; i++)
        visit_get(&visits[i], &rig);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == COUNT);
    peer_close(peer);
    RIG_UNTIL(&rig, visits[0].failures == 1);
    visit_close(&visits[COUNT - 1]);
    for (unsigned i = 0; i < COUNT - 1; i++) {
        RIG_UNTIL(&rig, visits[i].failures == 1);
        cr_assert_eq(visits[i].error, i == 0 ? ERROR_BACKEND_CLOSED : ERROR_RETIRED);
        visit_close(&visits[i]);
    }
    cr_assert_leq(visits[COUNT - 1].failures, 1);
}

/* How many servers are left after the connection ended by `end` with those visits on it. */
static uint32_t left_after(struct visit *visits, unsigned count, void (*end)(struct peer *))
{
    struct backend_attempts none = {0};
    h2_two_servers(&rig);
    struct peer *peer = h2_serve_once(&rig, NULL);
    visit_get(&visits[0], &rig); /* the other server's turn */
    peer_accept(&rig, 1, NULL)->answers = true;
    H2_UNTIL(&rig, visits[0].has_ended);
    visit_close(&visits[0]);
    peer->answers = false;
    for (unsigned i = 0; i < count; i++) {
        visit_get(&visits[i], &rig);
        cr_assert(visits[i].attempts.reused);
    }
    H2_UNTIL(&rig, peer->count == 1 + (count + 1) / 2);
    end(peer);
    RIG_UNTIL(&rig, visits[0].failures == 1);
    cr_assert_eq(visits[0].error, ERROR_RETIRED);
    uint32_t left = backend_untried(rig_group(&rig), &none);
    for (unsigned i = 0; i < count; i++)
        visit_close(&visits[i]);
    return left;
}

static void end_after_a_ping(struct peer *peer)
{
    h2_ping(peer->session);
    H2_UNTIL(&rig, peer->pongs == 1);
    peer_close(peer);
}

static void end_by_reset(struct peer *peer)
{
    h2_ping(peer->session);
    H2_UNTIL(&rig, peer->pongs == 1);
    server_reset(peer->fd);
    peer->fd = -1;
}

Test(h2_end, the_end_of_a_kept_one_is_no_failure)
{
    struct visit visits[3];
    cr_assert_eq(left_after(visits, 1, peer_close), 2);
}

Test(h2_end, nor_is_one_that_spoke_of_something_else)
{
    struct visit visits[3];
    cr_assert_eq(left_after(visits, 3, end_after_a_ping), 2);
}

Test(h2_end, nor_is_a_reset)
{
    struct visit visits[3];
    cr_assert_eq(left_after(visits, 1, end_by_reset), 2);
}

Test(h2_end, nor_is_one_in_the_middle_of_a_body)
{
    struct visit visits[2];
    struct backend_attempts none = {0};
    h2_two_servers(&rig);
    for (unsigned i = 0; i < 2; i++)
        visit_get(&visits[i], &rig);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1);
    peer_respond(&peer->streams[0], 200, 10, false);
    H2_UNTIL(&rig, visits[0].body_len == 10);
    peer_close(peer);
    RIG_UNTIL(&rig, visits[0].is_broken);
    cr_assert_eq(backend_untried(rig_group(&rig), &none), 2, "the server had answered");
    for (unsigned i = 0; i < 2; i++)
        visit_close(&visits[i]);
}

Test(h2_end, the_end_of_a_fresh_one_is_a_failure)
{
    struct visit visits[3];
    struct backend_attempts none = {0};
    h2_two_servers(&rig);
    for (unsigned i = 0; i < 3; i++)
        visit_get(&visits[i], &rig);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 2);
    peer_close(peer);
    RIG_UNTIL(&rig, visits[0].failures == 1 && visits[2].failures == 1);
    cr_assert_eq(visits[0].error, ERROR_BACKEND_CLOSED, "it was opened for this one");
    cr_assert_eq(visits[2].error, ERROR_RETIRED);
    cr_assert_eq(backend_untried(rig_group(&rig), &none), 1);
    for (unsigned i = 0; i < 3; i++)
        visit_close(&visits[i]);
}

Test(h2_end, garbage_is_a_malformed_response)
{
    struct visit visit;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    server_send(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_RESPONSE);
    RIG_UNTIL(&rig, server_sees_end(fd));
    visit_close(&visit);
    close(fd);
}
