/* SPDX-License-Identifier: MIT */
/* HTTP/2 connections being opened, and joined. */
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

TestSuite(open_new, .init = setup, .fini = teardown);

Test(open_new, the_first_request_does_not_wait_for_settings)
{
    struct visit visits[2];
    visit_get(&visits[0], &rig);
    visit_get(&visits[1], &rig);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    char bytes[4096];
    ssize_t got = 0;
    /* The server says nothing; one HEADERS frame comes all the same. */
    RIG_UNTIL(&rig, (got = recv(peer->fd, bytes, sizeof(bytes), MSG_PEEK)) > 80);
    for (unsigned i = 0; i < 5; i++)
        rig_turn(&rig);
    got = recv(peer->fd, bytes, sizeof(bytes), MSG_PEEK);
    cr_assert_gt(got, 0);
    unsigned heads = 0;
    for (size_t at = 24; at + 9 <= (size_t)got;) {
        heads += bytes[at + 3] == 1;
        at += 9 + ((size_t)(uint8_t)bytes[at + 1] << 8 | (uint8_t)bytes[at + 2]);
    }
    cr_assert_eq(heads, 1);
    peer->answers = true;
    H2_UNTIL(&rig, visits[0].has_ended && visits[1].has_ended);
    visit_close(&visits[0]);
    visit_close(&visits[1]);
}

Test(open_new, a_refused_connect_fails_all_that_waited)
{
    struct visit visits[3];
    close(rig.listeners[0]);
    rig.listeners[0] = -1;
    for (unsigned i = 0; i < 3; i++)
        visit_get(&visits[i], &rig);
    for (unsigned i = 0; i < 3; i++) {
        RIG_UNTIL(&rig, visits[i].failures == 1);
        cr_assert_eq(visits[i].error, ERROR_CONNECT);
        cr_assert(visits[i].untouched);
        visit_close(&visits[i]);
    }
}

Test(open_new, a_long_silence_is_broken_by_a_ping_first)
{
    struct visit visit;
    struct peer *peer = h2_serve_once(&rig, NULL);
    rig.loop.now += 30;
    visit_get(&visit, &rig);
    peer->is_deaf = true;
    for (unsigned i = 0; i < 5; i++)
        rig_turn(&rig);
    char bytes[256];
    ssize_t got = recv(peer->fd, bytes, sizeof(bytes), MSG_PEEK);
    cr_assert_geq(got, 17);
    cr_assert_eq(bytes[got - 17 + 3], 6, "PING and nothing behind it");
    peer->is_deaf = false;
    H2_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(peer->count, 2);
    visit_close(&visit);
}

Test(open_new, a_dead_idle_connection_is_untouched_and_replaced)
{
    struct visit visit;
    struct peer *peer = h2_serve_once(&rig, NULL);
    server_reset(peer->fd);
    peer->fd = -1;
    visit_init(&visit, &rig, METHOD_POST, 0);
    visit.forgives = true;
    visit_start(&visit);
    cr_assert(visit.attempts.reused);
    struct peer *fresh = peer_accept(&rig, 0, NULL);
    fresh->answers = true;
    H2_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.failures, 1);
    cr_assert(visit.untouched);
    visit_close(&visit);
}
