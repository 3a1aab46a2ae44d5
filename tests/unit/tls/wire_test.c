/* SPDX-License-Identifier: MIT */
/* The wire under TLS: ends, resets, trickles, garbage, floods. */
#include "rig.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

static struct rig rig;
static struct tls_server server;
static struct tls_identity *identities[1];

static void start(void)
{
    rig_start(&rig);
    identities[0] = rig_identity(&rig, "one.test", "EC");
    server = (struct tls_server){
        .context = rig_context(&rig, 0), .identities = identities, .identity_count = 1};
    rig.chosen = &server;
}

static void stop(void)
{
    rig_stop(&rig);
}

TestSuite(wire, .init = start, .fini = stop);

static void assert_in(const char *data, size_t len)
{
    char *copy = malloc(len);

    cr_assert_eq(rig.in.len, len);
    chain_peek(&rig.in, 0, copy, len);
    cr_assert_eq(memcmp(copy, data, len), 0);
    free(copy);
}

Test(wire, a_fin_alone_is_truncation)
{
    rig_connect(&rig, server.context, 0);
    rig_shake(&rig);
    rig_send(&rig, "half", 4);
    shutdown(rig.client_fd, SHUT_WR);
    rig_until(&rig, rig.ended == ERROR_TRUNCATED);
    cr_assert_eq(rig.in.len, 4);
    for (int i = 0; i < 5; i++)
        rig_turn(&rig);
    cr_assert_eq(stream_read(rig.stream, &rig.in, 10), ERROR_TRUNCATED);
}

Test(wire, a_reset_is_a_reset)
{
    const struct linger at_once = {1, 0};

    rig_connect(&rig, server.context, 0);
    rig_shake(&rig);
    setsockopt(rig.client_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(rig.client_fd);
    rig.client_fd = -1;
    rig_until(&rig, rig.ended == ERROR_RESET);
}

Test(wire, garbage_instead_of_a_hello)
{
    rig_connect(&rig, server.context, 0);
    cr_assert_eq(send(rig.client_fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
    while (!rig.failed) {
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
        poll(NULL, 0, 1);
    }
    cr_assert_eq(rig.failed, ERROR_TLS);
    cr_assert_str_eq(rig.failure, "http request");
}

Test(wire, garbage_after_the_handshake)
{
    rig_connect(&rig, server.context, 0);
    rig_shake(&rig);
    cr_assert_eq(
        send(rig.client_fd, "\x17\x03\x03\x00\x20garbage garbage garbage garbage!!!", 37, 0), 37);
    rig_until(&rig, rig.ended == ERROR_TLS);
    cr_assert_gt(strlen(rig.failure), 0);
    rig_until(&rig, rig_take(&rig, (char[16]){0}, 16) < 0);
    cr_assert_eq(rig.client_error, SSL_ERROR_SSL, "the client was told by an alert");
}

Test(wire, the_peer_ends_before_the_handshake)
{
    rig_connect(&rig, server.context, 0);
    shutdown(rig.client_fd, SHUT_WR);
    while (!rig.failed) {
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
        poll(NULL, 0, 1);
    }
    cr_assert_eq(rig.failed, ERROR_TRUNCATED);
}

/* The client talks to memory, and what it says reaches us one byte at a time. */
Test(wire, bytes_that_trickle)
{
    BIO *inward = BIO_new(BIO_s_mem()), *outward = BIO_new(BIO_s_mem());
    char byte, block[4096];

    rig_connect(&rig, server.context, TLS1_3_VERSION);
    SSL_set_bio(rig.client, inward, outward);
    for (int turns = 0; rig.in.len < 4; turns++) {
        cr_assert_lt(turns, 20000);
        if (!SSL_is_init_finished(rig.client)) {
            SSL_do_handshake(rig.client);
            ERR_clear_error();
            if (SSL_is_init_finished(rig.client))
                rig_send(&rig, "slow", 4);
        }
        if (BIO_read(outward, &byte, 1) == 1)
            cr_assert_eq(send(rig.client_fd, &byte, 1, 0), 1);
        else
            poll(NULL, 0, 1);
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
        ssize_t got = recv(rig.client_fd, block, sizeof(block), 0);
        if (got > 0)
            BIO_write(inward, block, (int)got);
    }
    cr_assert_eq(rig.opened, 1);
    assert_in("slow", 4);
}

Test(wire, many_key_updates_end_the_connection)
{
    int updates = 0;

    rig_connect(&rig, server.context, TLS1_3_VERSION);
    rig_shake(&rig);
    while (rig.ended == ERROR_NONE && updates < 100) {
        size_t sent;

        SSL_key_update(rig.client, SSL_KEY_UPDATE_REQUESTED);
        if (SSL_write_ex(rig.client, "x", 1, &sent) != 1)
            break;
        updates++;
        rig_turn(&rig);
    }
    rig_until(&rig, rig.ended == ERROR_TLS);
    cr_assert_str_eq(rig.failure, "too many handshake messages");
    cr_assert_lt(updates, 30);
    cr_assert_geq(rig.in.len, 10, "a few of them are nobody's harm");
}

Test(wire, renegotiation_is_refused)
{
    char data[16];

    rig_connect(&rig, server.context, TLS1_2_VERSION);
    rig_shake(&rig);
    cr_assert_eq(SSL_renegotiate(rig.client), 1);
    SSL_do_handshake(rig.client);
    ERR_clear_error();
    for (int i = 0; i < 20; i++) {
        rig_turn(&rig);
        if (rig_take(&rig, data, sizeof(data)) < 0)
            break;
    }
    cr_assert_eq(rig.selects, 1, "no second hello was served");
    cr_assert_neq(rig.client_error, 0);
}
