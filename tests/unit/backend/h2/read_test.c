/* SPDX-License-Identifier: MIT */
/* What many exchanges have ready leaves together, and what a server said last is heard. */
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

TestSuite(h2_read, .init = setup, .fini = teardown);

Test(h2_read, many_requests_leave_in_one_write)
{
    static struct visit visits[50];
    struct peer *peer = h2_serve_once(&rig, NULL);
    char bytes[65536];
    for (unsigned i = 0; i < 50; i++)
        visit_get(&visits[i], &rig);
    cr_assert_lt(recv(peer->fd, bytes, 1, MSG_PEEK), 0, "nothing leaves before the turn's end");
    /* One turn's end: one system call takes all, so that all are here. */
    ev_run(rig.loop.ev, EVRUN_NOWAIT);
    ssize_t got = recv(peer->fd, bytes, sizeof(bytes), MSG_PEEK);
    unsigned heads = 0;
    for (size_t at = 0; at + 9 <= (size_t)got;) {
        heads += bytes[at + 3] == 1;
        at += 9 + ((size_t)(uint8_t)bytes[at + 1] << 8 | (uint8_t)bytes[at + 2]);
    }
    cr_assert_eq(heads, 50);
    for (unsigned i = 0; i < 50; i++)
        H2_UNTIL(&rig, visits[i].has_ended);
    for (unsigned i = 0; i < 50; i++)
        visit_close(&visits[i]);
}

Test(h2_read, a_server_that_reads_nothing_is_not_written_to_without_end)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_POST, HTTP_LENGTH_UNKNOWN);
    visit_start(&visit);
    struct h2_settings wide = peer_settings(10);
    wide.stream_window = 64 << 20;
    wide.stream_window_max = 64 << 20;
    wide.connection_window = 64 << 20;
    struct peer *peer = peer_accept(&rig, 0, &wide);
    H2_UNTIL(&rig, peer->count == 1);
    peer->is_deaf = true;
    static const char bytes[65536];
    unsigned pushed = 0;
    while (exchange_pipe_has_room(&visit.exchange->request_body) && pushed < 1000) {
        struct chain chain;
        chain_init(&chain, &rig.loop.buffers);
        chain_append(&chain, bytes, sizeof(bytes));
        exchange_push_request(visit.exchange, &chain);
        pushed++;
        for (unsigned i = 0; i < 3; i++)
            rig_turn(&rig);
    }
    cr_assert_lt(pushed, 1000, "the socket's buffers, and then the pipe");
    peer->is_deaf = false;
    exchange_end_request(visit.exchange, PIPE_ENDED);
    H2_UNTIL(&rig, peer->streams[0].has_ended);
    cr_assert_eq(peer->streams[0].body_len, pushed * sizeof(bytes));
    visit_close(&visit);
}

Test(h2_read, the_last_words_of_a_server_that_closes_are_heard)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_POST, HTTP_LENGTH_UNKNOWN);
    visit_start(&visit);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1);
    peer_respond(&peer->streams[0], 413, 3, true);
    peer_pump(peer);
    visit_push(&visit, "the server resets on this");
    server_reset(peer->fd);
    peer->fd = -1;
    RIG_UNTIL(&rig, visit.has_ended || visit.failures == 1);
    visit_close(&visit);
}
