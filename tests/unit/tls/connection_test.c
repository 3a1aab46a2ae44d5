/* SPDX-License-Identifier: MIT */
/* Bytes through TLS: both versions, backpressure, ends, trickles, garbage, floods. */
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

TestSuite(connection, .init = start, .fini = stop);

static char *pattern(size_t len)
{
    char *data = malloc(len);

    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 31 + i / 251);
    return data;
}

static void assert_in(const char *data, size_t len)
{
    char *copy = malloc(len);

    cr_assert_eq(rig.in.len, len);
    chain_peek(&rig.in, 0, copy, len);
    cr_assert_eq(memcmp(copy, data, len), 0);
    free(copy);
}

static void echo(int version, const char *name)
{
    char data[64];
    long got = 0;

    rig_connect(&rig, server.context, version);
    rig_shake(&rig);
    cr_assert_str_eq(tls_protocol(rig.stream), name);
    cr_assert_gt(strlen(tls_cipher(rig.stream)), 5);
    cr_assert_eq(tls_chosen_server(rig.stream), &server);
    cr_assert_eq(tls_server_name(rig.stream).len, 0);
    cr_assert_eq(tls_alpn(rig.stream).len, 0);
    cr_assert_str_eq(tls_failure(rig.stream), "");
    rig_send(&rig, "ping", 4);
    rig_until(&rig, rig.in.len == 4);
    assert_in("ping", 4);
    rig_write(&rig, "head ", 5);
    rig_write(&rig, "body", 4);
    rig_until(&rig, (got = rig_take(&rig, data, sizeof(data))) > 0);
    cr_assert_eq(got, 9, "what one turn queued is one record");
    cr_assert_eq(memcmp(data, "head body", 9), 0);
    cr_assert_eq(stream_bytes_in(rig.stream), 4);
    cr_assert_eq(stream_bytes_out(rig.stream), 9);
}

Test(connection, tls_1_3)
{
    echo(TLS1_3_VERSION, "TLSv1.3");
}

Test(connection, tls_1_2)
{
    echo(TLS1_2_VERSION, "TLSv1.2");
}

Test(connection, older_versions_are_refused)
{
    SSL_CTX_set_security_level(rig.client_context, 0);
    rig_connect(&rig, server.context, TLS1_1_VERSION);
    rig_until(&rig, rig.failed == ERROR_TLS && rig.client_error);
    cr_assert_str_eq(rig.failure, "unsupported protocol");
}

static void bulk(int version, size_t limit)
{
    const size_t size = 2 * 1024 * 1024 + 12345;
    char *data = pattern(size), *back = malloc(size);
    size_t sent = 0, queued = 0, got = 0;

    rig_connect(&rig, server.context, version);
    rig.limit = limit;
    rig_shake(&rig);
    SSL_set_mode(rig.client, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    for (int turns = 0; rig.in.len < size || got < size; turns++) {
        size_t part = 0;

        cr_assert_lt(turns, 100000);
        if (sent < size && SSL_write_ex(rig.client, data + sent, size - sent, &part) == 1)
            sent += part;
        while (queued < size && !stream_is_full(rig.stream)) {
            part = size - queued < 9999 ? size - queued : 9999;
            rig_write(&rig, data + queued, part);
            queued += part;
        }
        cr_assert_lt(stream_queued(rig.stream), 2 * STREAM_QUEUE + 64 * 1024);
        long took = got < size ? rig_take(&rig, back + got, size - got) : 0;
        got += took > 0 ? (size_t)took : 0;
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
    }
    assert_in(data, size);
    cr_assert_eq(memcmp(back, data, size), 0);
    cr_assert_eq(stream_bytes_in(rig.stream), size);
    cr_assert_eq(stream_bytes_out(rig.stream), size);
    rig_until(&rig, stream_queued(rig.stream) == 0);
    free(data);
    free(back);
}

Test(connection, bulk_both_ways_1_3)
{
    bulk(TLS1_3_VERSION, 64 * 1024);
}

Test(connection, bulk_both_ways_1_2)
{
    bulk(TLS1_2_VERSION, 64 * 1024);
}

Test(connection, bulk_in_small_reads)
{
    bulk(TLS1_3_VERSION, 3001);
}

Test(connection, a_peer_that_does_not_read_is_not_written_to)
{
    static const char block[32 * 1024];
    char *data = malloc(1 << 16);
    size_t total = 0, got = 0;
    int small = 4096, still = 0;

    rig_connect(&rig, server.context, TLS1_3_VERSION);
    rig_shake(&rig);
    setsockopt(stream_fd(rig.stream), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    while (still < 20) {
        still = stream_is_full(rig.stream) ? still + 1 : 0;
        if (still == 0) {
            rig_write(&rig, block, sizeof(block));
            total += sizeof(block);
        }
        rig_turn(&rig);
    }
    cr_assert_lt(rig.loop.buffers.held, 512 * 1024, "%zu", rig.loop.buffers.held);
    int drained = rig.drained;
    while (got < total) {
        long part = rig_take(&rig, data, 1 << 16);
        cr_assert_geq(part, 0);
        got += (size_t)part;
        if (part == 0)
            rig_turn(&rig);
    }
    rig_until(&rig, stream_queued(rig.stream) == 0);
    cr_assert_gt(rig.drained, drained);
    free(data);
}

Test(connection, a_pause_keeps_decrypted_bytes_and_tells_of_them_again)
{
    char *data = pattern(40000);

    rig_connect(&rig, server.context, TLS1_3_VERSION);
    rig_shake(&rig);
    rig.limit = 100;
    rig_send(&rig, data, 40000);
    rig_until(&rig, rig.in.len >= 100);
    rig.keeps_away = true;
    int calls = rig.readable;
    for (int i = 0; i < 10; i++)
        rig_turn(&rig);
    cr_assert_leq(rig.readable, calls + 1);
    size_t before = rig.in.len;
    cr_assert_lt(before, 40000);
    rig.keeps_away = false;
    rig.limit = 64 * 1024;
    stream_resume(rig.stream);
    rig_until(&rig, rig.in.len == 40000);
    assert_in(data, 40000);
    free(data);
}

Test(connection, an_idle_connection_holds_no_buffers)
{
    char data[16];

    rig_connect(&rig, server.context, TLS1_3_VERSION);
    rig_shake(&rig);
    rig_send(&rig, "ping", 4);
    rig_until(&rig, rig.in.len == 4);
    rig_write(&rig, "pong", 4);
    rig_until(&rig, rig_take(&rig, data, sizeof(data)) > 0);
    chain_clear(&rig.in);
    for (int i = 0; i < 5; i++)
        rig_turn(&rig);
    size_t free_bytes = (size_t)rig.loop.buffers.large_count * BUFFER_SIZE +
                        (size_t)rig.loop.buffers.small_count * BUFFER_SMALL;
    cr_assert_eq(rig.loop.buffers.held, free_bytes, "all buffers lie free");
}

Test(connection, close_notify_is_an_orderly_end)
{
    char data[16];

    rig_connect(&rig, server.context, 0);
    rig_shake(&rig);
    rig_send(&rig, "bye", 3);
    SSL_shutdown(rig.client);
    rig_until(&rig, rig.ended == ERROR_END);
    cr_assert_eq(rig.in.len, 3);
    rig_write(&rig, "still here", 10);
    stream_end(rig.stream);
    long got = 0;
    rig_until(&rig, (got = rig_take(&rig, data, sizeof(data))) != 0);
    cr_assert_eq(got, 10);
    rig_until(&rig, rig_take(&rig, data, sizeof(data)) < 0);
    cr_assert_eq(rig.client_error, SSL_ERROR_ZERO_RETURN);
    cr_assert(stream_has_ended(rig.stream));
    cr_assert_eq(rig.failed, ERROR_NONE);
}

Test(connection, our_end_leaves_the_other_direction_open)
{
    char data[16];

    rig_connect(&rig, server.context, 0);
    rig_shake(&rig);
    stream_end(rig.stream);
    rig_until(&rig, rig_take(&rig, data, sizeof(data)) < 0);
    cr_assert_eq(rig.client_error, SSL_ERROR_ZERO_RETURN);
    rig_send(&rig, "after", 5);
    rig_until(&rig, rig.in.len == 5);
    SSL_shutdown(rig.client);
    rig_until(&rig, rig.ended == ERROR_END);
    cr_assert_eq(rig.failed, ERROR_NONE);
}

Test(connection, a_fin_alone_is_truncation)
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

Test(connection, a_reset_is_a_reset)
{
    const struct linger at_once = {1, 0};

    rig_connect(&rig, server.context, 0);
    rig_shake(&rig);
    setsockopt(rig.client_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(rig.client_fd);
    rig.client_fd = -1;
    rig_until(&rig, rig.ended == ERROR_RESET);
}

Test(connection, flush_close_sends_last_words_and_close_notify)
{
    char data[32];
    long got = 0;

    rig_connect(&rig, server.context, 0);
    rig_shake(&rig);
    rig_write(&rig, "last words", 10);
    stream_flush_close(rig.stream);
    rig.stream = NULL;
    rig_until(&rig, (got = rig_take(&rig, data, sizeof(data))) != 0);
    cr_assert_eq(got, 10);
    rig_until(&rig, rig_take(&rig, data, sizeof(data)) < 0);
    cr_assert_eq(rig.client_error, SSL_ERROR_ZERO_RETURN);
}

Test(connection, garbage_instead_of_a_hello)
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

Test(connection, garbage_after_the_handshake)
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

Test(connection, the_peer_ends_before_the_handshake)
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
Test(connection, bytes_that_trickle)
{
    BIO *inward = BIO_new(BIO_s_mem()), *outward = BIO_new(BIO_s_mem());
    char byte, block[4096];

    rig_connect(&rig, server.context, TLS1_3_VERSION);
    SSL_set_bio(rig.client, inward, outward);
    for (int turns = 0; rig.in.len < 4; turns++) {
        cr_assert_lt(turns, 20000, "%d %s opened %d pending %zu", SSL_is_init_finished(rig.client), rig.failure, rig.opened, BIO_pending(outward));
        if (!SSL_is_init_finished(rig.client)) {
            SSL_do_handshake(rig.client);
            ERR_clear_error();
            if (SSL_is_init_finished(rig.client))
                rig_send(&rig, "slow", 4);
        }
        if (BIO_read(outward, &byte, 1) == 1)
            cr_assert_eq(send(rig.client_fd, &byte, 1, 0), 1);
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
        ssize_t got = recv(rig.client_fd, block, sizeof(block), 0);
        if (got > 0)
            BIO_write(inward, block, (int)got);
    }
    cr_assert_eq(rig.opened, 1);
    assert_in("slow", 4);
}

Test(connection, many_key_updates_end_the_connection)
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
    cr_assert_lt(updates, 30, "%d", updates);
    cr_assert_geq(rig.in.len, 10, "a few of them are nobody's harm");
}

Test(connection, renegotiation_is_refused)
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
