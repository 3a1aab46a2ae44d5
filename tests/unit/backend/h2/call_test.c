/* SPDX-License-Identifier: MIT */
/* Exchanges on a connection: joining, leaving, and what a steady flow allocates. */
#include "h2_rig.h"

#include <criterion/criterion.h>

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

TestSuite(back_h2_call, .init = setup, .fini = teardown);

Test(back_h2_call, one_that_leaves_while_connecting_leaves_nothing)
{
    struct visit visit;
    visit_get(&visit, &rig);
    visit_close(&visit);
    rig_turn(&rig);
    int fd = server_accept(&rig, 0);
    RIG_UNTIL(&rig, server_sees_end(fd));
}

Test(back_h2_call, one_of_two_that_leaves_while_connecting)
{
    struct visit visits[2];
    visit_get(&visits[0], &rig);
    visit_get(&visits[1], &rig);
    visit_close(&visits[0]);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    peer->answers = true;
    H2_UNTIL(&rig, visits[1].has_ended);
    cr_assert_eq(peer->count, 1);
    visit_close(&visits[1]);
}

Test(back_h2_call, one_that_breaks_off_before_it_is_sent_is_never_sent)
{
    struct visit visit, other;
    visit_get(&other, &rig);
    visit_init(&visit, &rig, METHOD_POST, HTTP_LENGTH_UNKNOWN);
    visit_start(&visit);
    exchange_end_request(visit.exchange, PIPE_BROKEN);
    cr_assert_eq(visit.error, ERROR_CLIENT_GONE);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    peer->answers = true;
    H2_UNTIL(&rig, other.has_ended);
    h2_settle(&rig);
    cr_assert_eq(peer->count, 1);
    visit_close(&visit);
    visit_close(&other);
}

Test(back_h2_call, many_that_come_and_go_leave_the_buffers_as_they_were)
{
    struct peer *peer = h2_serve_once(&rig, NULL);
    size_t held = 0;
    for (unsigned i = 0; i < 100; i++) {
        h2_serve_once(&rig, peer);
        if (i == 10)
            held = rig.loop.buffers.held;
        if (peer->count == PEER_STREAMS - 1)
            break;
    }
    cr_assert_eq(rig.loop.buffers.held, held);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
}

Test(back_h2_call, a_refused_one_is_sent_over_a_fresh_connection)
{
    struct visit visit;
    struct peer *peer = h2_serve_once(&rig, NULL);
    peer->answers = false;
    visit_init(&visit, &rig, METHOD_POST, 0);
    visit.forgives = true;
    visit_start(&visit);
    H2_UNTIL(&rig, peer->count == 2);
    h2_reset(peer->streams[1].stream, H2_REFUSED_STREAM);
    peers_pump();
    struct peer *fresh = peer_accept(&rig, 0, NULL);
    fresh->answers = true;
    H2_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.failures, 1);
    cr_assert(visit.untouched);
    cr_assert_not(visit.attempts.reused);
    visit_close(&visit);
}
