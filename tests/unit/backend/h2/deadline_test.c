/* SPDX-License-Identifier: MIT */
/* HTTP/2 servers that keep one exchange waiting, or all of them. */
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

TestSuite(h2_deadline, .init = setup, .fini = teardown);

Test(h2_deadline, one_late_response_ends_alone)
{
    struct config_settings hasty = rig.settings;
    struct visit late, other;
    hasty.proxy_read_timeout = 0.15;
    visit_get(&other, &rig);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1);
    visit_init(&late, &rig, METHOD_GET, 0);
    backend_start(rig_group(&rig), late.exchange, &late.attempts, &hasty);
    H2_UNTIL(&rig, peer->count == 2);
    peer_respond(&peer->streams[0], 200, 1, false);
    H2_UNTIL(&rig, other.body_len == 1);
    H2_UNTIL(&rig, late.failures == 1);
    cr_assert_eq(late.error, ERROR_READ_TIMEOUT);
    cr_assert_not(late.untouched);
    H2_UNTIL(&rig, peer->streams[1].is_closed);
    cr_assert_eq(peer->streams[1].closing.code, H2_CANCEL);
    peer->streams[0].to_send = 1;
    peer->streams[0].ends = true;
    h2_resume(peer->streams[0].stream);
    H2_UNTIL(&rig, other.has_ended);
    cr_assert_eq(other.body_len, 2);
    visit_close(&late);
    visit_close(&other);
}

Test(h2_deadline, a_server_that_takes_no_body)
{
    struct visit visit;
    rig.settings.proxy_send_timeout = 0.2;
    visit_init(&visit, &rig, METHOD_POST, HTTP_LENGTH_UNKNOWN);
    visit_start(&visit);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1);
    peer->streams[0].holds = true;
    static const char bytes[200000];
    struct chain chain;
    chain_init(&chain, &rig.loop.buffers);
    chain_append(&chain, bytes, sizeof(bytes));
    exchange_push_request(visit.exchange, &chain);
    H2_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_WRITE_TIMEOUT);
    visit_close(&visit);
}

Test(h2_deadline, a_slow_client_is_not_the_servers_fault)
{
    struct visit visit;
    rig.settings.proxy_send_timeout = 0.1;
    rig.settings.proxy_read_timeout = 0.1;
    visit_init(&visit, &rig, METHOD_POST, HTTP_LENGTH_UNKNOWN);
    visit_start(&visit);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    peer->answers = true;
    H2_UNTIL(&rig, peer->count == 1);
    double end = rig_seconds() + 0.4;
    while (rig_seconds() < end) {
        peers_pump();
        rig_turn(&rig);
    }
    cr_assert_eq(visit.failures, 0);
    exchange_end_request(visit.exchange, PIPE_ENDED);
    H2_UNTIL(&rig, visit.has_ended);
    visit_close(&visit);
}

Test(h2_deadline, a_slow_reader_is_not_the_servers_fault)
{
    struct visit visit;
    rig.settings.proxy_read_timeout = 0.1;
    visit_init(&visit, &rig, METHOD_GET, 0);
    visit.takes = false;
    visit_start(&visit);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1);
    peer_respond(&peer->streams[0], 200, 1 << 20, true);
    double end = rig_seconds() + 0.4;
    while (rig_seconds() < end) {
        peers_pump();
        rig_turn(&rig);
    }
    cr_assert_eq(visit.failures, 0);
    visit_close(&visit);
}

Test(h2_deadline, a_server_without_settings_is_too_late)
{
    struct visit visits[2];
    rig.settings.proxy_read_timeout = 0.2;
    visit_get(&visits[0], &rig);
    visit_get(&visits[1], &rig);
    int fd = server_accept(&rig, 0);
    RIG_UNTIL(&rig, visits[0].failures == 1 && visits[1].failures == 1);
    cr_assert_eq(visits[0].error, ERROR_READ_TIMEOUT);
    cr_assert(visits[1].untouched);
    RIG_UNTIL(&rig, server_sees_end(fd));
    visit_close(&visits[0]);
    visit_close(&visits[1]);
}
