/* SPDX-License-Identifier: MIT */
/* Phases of HTTP/2 connections: a silent one is probed, and ends or goes on. */
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

TestSuite(h2_state, .init = setup, .fini = teardown);

/* Both wait; the first times out, and nothing was heard since. */
static struct peer *fall_silent(struct visit *late, struct visit *other)
{
    struct config_settings hasty = rig.settings;
    hasty.proxy_read_timeout = 0.1;
    rig.settings.proxy_connect_timeout = 0.3;
    visit_get(other, &rig);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1);
    h2_settle(&rig);
    visit_init(late, &rig, METHOD_GET, 0);
    backend_start(rig_group(&rig), late->exchange, &late->attempts, &hasty);
    rig_turn(&rig);
    peer->is_deaf = true;
    RIG_UNTIL(&rig, late->failures == 1);
    cr_assert_eq(late->error, ERROR_READ_TIMEOUT);
    cr_assert_eq(other->failures, 0);
    visit_close(late);
    return peer;
}

Test(h2_state, a_dead_connection_is_found_out_by_ping)
{
    struct visit late, other;
    fall_silent(&late, &other);
    RIG_UNTIL(&rig, other.failures == 1);
    cr_assert_eq(other.error, ERROR_READ_TIMEOUT);
    visit_close(&other);
}

Test(h2_state, a_living_connection_goes_on)
{
    struct visit late, other;
    struct peer *peer = fall_silent(&late, &other);
    peer->is_deaf = false;
    double end = rig_seconds() + 0.5;
    while (rig_seconds() < end) {
        peers_pump();
        rig_turn(&rig);
    }
    cr_assert_eq(other.failures, 0);
    peer_respond(&peer->streams[0], 200, 1, true);
    H2_UNTIL(&rig, other.has_ended);
    visit_close(&other);
}
