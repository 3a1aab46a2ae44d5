/* SPDX-License-Identifier: MIT */
/* How many exchanges an HTTP/2 connection takes, and where the others go. */
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

TestSuite(h2_capacity, .init = setup, .fini = teardown);

Test(h2_capacity, many_share_one_also_before_it_is_open)
{
    static struct visit visits[100];
    for (unsigned i = 0; i < 100; i++)
        visit_get(&visits[i], &rig);
    cr_assert_not(visits[0].attempts.reused);
    cr_assert(visits[1].attempts.reused);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    peer->answers = true;
    for (unsigned i = 0; i < 100; i++)
        H2_UNTIL(&rig, visits[i].has_ended);
    cr_assert_eq(peer->count, 100);
    cr_assert_not(server_has_connection(&rig, 0));
    for (unsigned i = 0; i < 100; i++)
        visit_close(&visits[i]);
    rig_turn(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
}

Test(h2_capacity, a_full_one_has_others_opened_and_the_limit_is_remembered)
{
    struct h2_settings one = peer_settings(1);
    struct visit visits[3];
    struct peer *all[3];
    for (unsigned i = 0; i < 3; i++)
        visit_get(&visits[i], &rig);
    all[0] = peer_accept(&rig, 0, &one);
    cr_assert_not(server_has_connection(&rig, 0));
    H2_UNTIL(&rig, server_has_connection(&rig, 0));
    all[1] = peer_accept(&rig, 0, &one);
    H2_UNTIL(&rig, server_has_connection(&rig, 0));
    all[2] = peer_accept(&rig, 0, &one);
    for (unsigned i = 0; i < 3; i++) {
        H2_UNTIL(&rig, all[i]->count == 1 && all[i]->streams[0].has_ended);
        all[i]->answers = true;
        peer_respond(&all[i]->streams[0], 200, 5, true);
    }
    H2_UNTIL(&rig, visits[0].has_ended && visits[1].has_ended && visits[2].has_ended);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(all[i]->count, 1);
        cr_assert_eq(visits[i].failures, 0);
        visit_close(&visits[i]);
    }
    h2_settle(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 3);
    for (unsigned i = 0; i < 3; i++)
        visit_get(&visits[i], &rig);
    H2_UNTIL(&rig, visits[0].has_ended && visits[1].has_ended && visits[2].has_ended);
    cr_assert_not(server_has_connection(&rig, 0));
    for (unsigned i = 0; i < 3; i++)
        visit_close(&visits[i]);
}

Test(h2_capacity, goaway_refuses_the_later_streams_and_they_go_elsewhere)
{
    struct peer *peer = h2_serve_once(&rig, NULL);
    struct visit visits[3];
    peer->answers = false;
    for (unsigned i = 0; i < 3; i++) {
        visit_init(&visits[i], &rig, METHOD_POST, 0);
        visits[i].forgives = true;
        visit_start(&visits[i]);
    }
    H2_UNTIL(&rig, peer->count == 4);
    /* GOAWAY, last stream 3: that is visits[0]. */
    const uint8_t goaway[] = {0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0};
    peer_send_raw(peer, goaway, sizeof(goaway));
    struct peer *fresh = peer_accept(&rig, 0, NULL);
    fresh->answers = true;
    H2_UNTIL(&rig, visits[1].has_ended && visits[2].has_ended);
    cr_assert_eq(fresh->count, 2, "both over one fresh connection");
    cr_assert(visits[1].untouched && visits[2].untouched);
    cr_assert_eq(visits[0].failures, 0);
    peer_respond(&peer->streams[1], 200, 5, true);
    H2_UNTIL(&rig, visits[0].has_ended);
    for (unsigned i = 0; i < 3; i++)
        visit_close(&visits[i]);
    H2_UNTIL(&rig, peer->sees_end);
    h2_settle(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
}

/* A WebSocket waits for the server's SETTINGS. */
static void ask_websocket(struct visit *visit)
{
    visit_init(visit, &rig, METHOD_GET, 0);
    visit->exchange->forward.upgrade = SLICE("websocket");
    cr_assert_eq(visit_start(visit), 0);
}

Test(h2_capacity, a_limit_of_none_is_waited_for_and_no_longer)
{
    struct h2_settings none = peer_settings(0);
    struct visit visits[3];
    rig.settings.proxy_connect_timeout = 0.3;
    for (unsigned i = 0; i < 2; i++)
        ask_websocket(&visits[i]);
    peer_accept(&rig, 0, &none);
    h2_settle(&rig);
    visit_get(&visits[2], &rig);
    h2_settle(&rig);
    cr_assert_eq(visits[2].failures, 0);
    for (unsigned i = 0; i < 3; i++) {
        H2_UNTIL(&rig, visits[i].failures == 1);
        cr_assert_eq(visits[i].error, ERROR_BACKEND_FULL);
        cr_assert(visits[i].untouched);
        visit_close(&visits[i]);
    }
    cr_assert_not(server_has_connection(&rig, 0), "another one would fare no better");
    struct backend_attempts fresh = {0};
    cr_assert_eq(backend_untried(rig_group(&rig), &fresh), 1);
    h2_settle(&rig);
}

Test(h2_capacity, moves_have_an_end)
{
    struct visit visits[2];
    visit_get(&visits[0], &rig);
    visit_get(&visits[1], &rig);
    visits[1].attempts.moves = 3;
    struct h2_settings one = peer_settings(1);
    struct peer *peer = peer_accept(&rig, 0, &one);
    H2_UNTIL(&rig, visits[1].failures == 1);
    cr_assert_eq(visits[1].error, ERROR_BACKEND_FULL);
    cr_assert(visits[1].untouched);
    cr_assert_not(server_has_connection(&rig, 0));
    peer->answers = true;
    for (unsigned i = 0; i < 2; i++)
        visit_close(&visits[i]);
    h2_settle(&rig);
}
