/* SPDX-License-Identifier: MIT */
/* HTTP/2 connections: how long they live, and when they are kept. */
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
