/* SPDX-License-Identifier: MIT */
/* HTTP/2 connections: how long they live, and how they end. */
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

TestSuite(h2_connection, .init = setup, .fini = teardown);

Test(h2_connection, a_connection_is_used_again)
{
    struct peer *peer = h2_serve_once(&rig, NULL);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    for (unsigned i = 0; i < 5; i++)
        h2_serve_once(&rig, peer);
    cr_assert_eq(peer->count, 6);
    cr_assert_not(server_has_connection(&rig, 0));
    cr_assert_eq(backends_idle_count(rig.backends), 1);
}

Test(h2_connection, goaway_ends_an_idle_connection)
{
    struct peer *peer = h2_serve_once(&rig, NULL);
    h2_shutdown(peer->session);
    H2_UNTIL(&rig, backends_idle_count(rig.backends) == 0);
    H2_UNTIL(&rig, peer->sees_end);
}

Test(h2_connection, a_close_fails_all_it_carried)
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

Test(h2_connection, the_end_of_a_kept_one_is_no_failure)
{
    struct visit visits[3];
    cr_assert_eq(left_after(visits, 1, peer_close), 2);
}

Test(h2_connection, nor_is_one_that_spoke_of_something_else)
{
    struct visit visits[3];
    cr_assert_eq(left_after(visits, 3, end_after_a_ping), 2);
}

Test(h2_connection, nor_is_a_reset)
{
    struct visit visits[3];
    cr_assert_eq(left_after(visits, 1, end_by_reset), 2);
}

Test(h2_connection, nor_is_one_in_the_middle_of_a_body)
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

Test(h2_connection, the_end_of_a_fresh_one_is_a_failure)
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

Test(h2_connection, garbage_is_a_malformed_response)
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

Test(h2_connection, keepalive_zero_keeps_none)
{
    rig.upstream_config.keepalive = 0;
    rig_bind(&rig);
    struct peer *peer = h2_serve_once(&rig, NULL);
    H2_UNTIL(&rig, peer->sees_end);
    cr_assert_eq(peer->goaways, 1);
    cr_assert_eq(backends_idle_count(rig.backends), 0);
}

Test(h2_connection, drain_closes_the_idle_and_lets_the_others_finish)
{
    struct visit visit;
    struct peer *peer = h2_serve_once(&rig, NULL);
    peer->answers = false;
    visit_get(&visit, &rig);
    H2_UNTIL(&rig, peer->count == 2);
    backends_drain(rig.backends);
    peer_respond(&peer->streams[1], 200, 5, true);
    H2_UNTIL(&rig, visit.has_ended);
    visit_close(&visit);
    H2_UNTIL(&rig, peer->sees_end);
    cr_assert_eq(backends_idle_count(rig.backends), 0);
}

Test(h2_connection, the_group_goes_after_its_last_exchange)
{
    struct visit visit;
    visit_get(&visit, &rig);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1);
    backends_unbind(rig.backends, &rig.tenant);
    rig_turn(&rig);
    peer_respond(&peer->streams[0], 200, 5, true);
    H2_UNTIL(&rig, visit.has_ended);
    visit_close(&visit);
    H2_UNTIL(&rig, peer->sees_end);
}

Test(h2_connection, a_reset_while_idle_is_noticed)
{
    struct peer *peer = h2_serve_once(&rig, NULL);
    server_reset(peer->fd);
    peer->fd = -1;
    RIG_UNTIL(&rig, backends_idle_count(rig.backends) == 0);
}
