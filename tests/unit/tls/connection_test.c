/* SPDX-License-Identifier: MIT */
/* Bytes through TLS: both versions, bulk, backpressure, pauses, orderly ends. */
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
    rig.reads_once = true;
    rig_send(&rig, data, 40000);
    rig_until(&rig, rig.in.len >= 100);
    int calls = rig.readable;
    for (int i = 0; i < 10; i++)
        rig_turn(&rig);
    cr_assert_leq(rig.readable, calls + 1);
    size_t before = rig.in.len;
    cr_assert_lt(before, 40000);
    rig.keeps_away = rig.reads_once = false;
    rig.limit = 64 * 1024;
    stream_resume(rig.stream);
    rig_until(&rig, rig.in.len == 40000);
    assert_in(data, 40000);
    free(data);
}

/* As much as the kernel takes. */
static void stuff(void)
{
    static const char block[16384];

    while (SSL_write(rig.client, block, sizeof(block)) > 0)
        ;
    ERR_clear_error();
}

Test(connection, a_bulk_sender_gets_one_read_of_the_socket_each_time)
{
    unsigned turns = 0;
    int reads = 0;
    uint64_t before = 0, total = 8 << 20;

    rig_connect(&rig, server.context, 0);
    rig_shake(&rig);
    SSL_set_mode(rig.client, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    for (; stream_bytes_in(rig.stream) < total; turns++) {
        cr_assert_lt(turns, 50000);
        stuff();
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
        cr_assert_leq(stream_bytes_in(rig.stream) - before,
                      (uint64_t)(rig.readable - reads) * (LOOP_SCRATCH + 16384));
        reads = rig.readable;
        before = stream_bytes_in(rig.stream);
        chain_clear(&rig.in);
    }
    cr_assert_geq((uint64_t)reads, total / (LOOP_SCRATCH + 16384));
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
