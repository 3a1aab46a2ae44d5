/* SPDX-License-Identifier: MIT */
/* Plain streams as their owner sees them: reading, writing, pausing, ending, closing. */
#include "io/socket.h"
#include "rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static char *pattern(size_t len)
{
    char *data = malloc(len);

    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 31 + i / 251);
    return data;
}

static void assert_read(struct rig *rig, const char *data, size_t len)
{
    char *copy = malloc(len);

    cr_assert_eq(rig->in.len, len);
    chain_peek(&rig->in, 0, copy, len);
    cr_assert_eq(memcmp(copy, data, len), 0);
    free(copy);
}

Test(stream, reads_what_comes_and_the_end)
{
    struct rig rig;

    rig_start(&rig);
    rig_send(&rig, "hello", 5);
    rig_until(&rig, rig.in.len == 5);
    assert_read(&rig, "hello", 5);
    cr_assert_eq(stream_bytes_in(rig.stream), 5);
    cr_assert_eq(stream_read(rig.stream, &rig.in, 100), 0);
    shutdown(rig.peer, SHUT_WR);
    rig_until(&rig, rig.ended == ERROR_END);
    int calls = rig.readable;
    for (int i = 0; i < 10; i++)
        rig_turn(&rig);
    cr_assert_eq(rig.readable, calls, "the end is told once");
    cr_assert_eq(stream_read(rig.stream, &rig.in, 100), ERROR_END);
    rig_write(&rig, "still", 5);
    char data[16];
    long got = -1;
    rig_until(&rig, (got = rig_take(&rig, data, sizeof(data))) > 0);
    cr_assert_eq(got, 5, "half closed, the other direction goes on");
    rig_stop(&rig);
}

Test(stream, respects_the_limit)
{
    struct rig rig;
    char *data = pattern(20000);

    rig_start(&rig);
    rig.limit = 777;
    rig_send(&rig, data, 20000);
    rig_until(&rig, rig.readable > 0);
    cr_assert_leq(rig.in.len, 777 * (size_t)rig.readable);
    rig_until(&rig, rig.in.len == 20000);
    assert_read(&rig, data, 20000);
    free(data);
    rig_stop(&rig);
}

Test(stream, bulk_passes_whole_in_both_directions)
{
    const size_t size = 3 * 1024 * 1024;
    struct rig rig;
    char *data = pattern(size), *back = malloc(size);
    size_t sent = 0, queued = 0, got = 0;

    rig_start(&rig);
    for (int turns = 0; rig.in.len < size || got < size; turns++) {
        cr_assert_lt(turns, 20000);
        if (sent < size) {
            ssize_t part = send(rig.peer, data + sent, size - sent, MSG_NOSIGNAL);
            sent += part > 0 ? (size_t)part : 0;
        }
        while (queued < size && !stream_is_full(rig.stream)) {
            size_t part = size - queued < 10000 ? size - queued : 10000;
            rig_write(&rig, data + queued, part);
            queued += part;
        }
        long part = rig_take(&rig, back + got, size - got);
        got += part > 0 ? (size_t)part : 0;
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
    }
    assert_read(&rig, data, size);
    cr_assert_eq(memcmp(back, data, size), 0);
    cr_assert_eq(stream_bytes_in(rig.stream), size);
    cr_assert_eq(stream_bytes_out(rig.stream), size);
    free(data);
    free(back);
    rig_stop(&rig);
}

Test(stream, a_pause_holds_bytes_back)
{
    struct rig rig;

    rig_start(&rig);
    stream_pause(rig.stream);
    rig_send(&rig, "abc", 3);
    shutdown(rig.peer, SHUT_WR);
    for (int i = 0; i < 10; i++)
        rig_turn(&rig);
    cr_assert_eq(rig.readable, 0);
    stream_resume(rig.stream);
    rig_until(&rig, rig.ended == ERROR_END);
    cr_assert_eq(rig.in.len, 3);
    rig_stop(&rig);
}

Test(stream, a_reset_is_seen_also_while_paused)
{
    struct rig rig;
    const struct linger at_once = {1, 0};

    rig_start(&rig);
    stream_pause(rig.stream);
    setsockopt(rig.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(rig.peer);
    rig.peer = -1;
    rig_until(&rig, rig.failed == ERROR_RESET);
    rig_stop(&rig);
}

Test(stream, a_reset_while_reading)
{
    struct rig rig;
    const struct linger at_once = {1, 0};

    rig_start(&rig);
    setsockopt(rig.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(rig.peer);
    rig.peer = -1;
    rig_until(&rig, rig.ended == ERROR_RESET);
    rig_stop(&rig);
}

Test(stream, our_end_follows_the_queue)
{
    struct rig rig;
    char data[64];
    long got = -1;

    rig_start(&rig);
    rig_write(&rig, "last words", 10);
    stream_end(rig.stream);
    cr_assert_not(stream_has_ended(rig.stream));
    rig_write(&rig, "too late", 8);
    rig_until(&rig, stream_has_ended(rig.stream));
    cr_assert_eq(rig_take(&rig, data, sizeof(data)), 10);
    rig_until(&rig, (got = rig_take(&rig, data, sizeof(data))) == 0);
    rig_send(&rig, "reply", 5);
    rig_until(&rig, rig.in.len == 5);
    rig_stop(&rig);
}

Test(stream, closing_flushes_or_drops_or_resets)
{
    struct rig rig;
    char data[64];

    rig_start(&rig);
    rig_write(&rig, "last words", 10);
    stream_flush_close(rig.stream);
    rig.stream = NULL;
    cr_assert_eq(rig_take(&rig, data, sizeof(data)), 10);
    cr_assert_eq(rig_take(&rig, data, sizeof(data)), 0);
    rig_stop(&rig);

    rig_start(&rig);
    rig_write(&rig, "dropped", 7);
    stream_close(rig.stream);
    stream_close(rig.stream);
    rig.stream = NULL;
    cr_assert_eq(rig_take(&rig, data, sizeof(data)), 0);
    rig_stop(&rig);

    rig_start(&rig);
    stream_close_reset(rig.stream);
    rig.stream = NULL;
    errno = 0;
    cr_assert_eq(rig_take(&rig, data, sizeof(data)), -1);
    cr_assert_eq(errno, ECONNRESET);
    rig_stop(&rig);
    stream_close(NULL);
    stream_flush_close(NULL);
}

static struct address listener_address(int *listener)
{
    const struct socket_listen_options options = {.backlog = 4};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct address address;
    const char *call;

    address_set(&address, (struct sockaddr *)&in, sizeof(in));
    *listener = socket_listen(&address, &options, &call);
    cr_assert_geq(*listener, 0);
    address_of_socket(*listener, &address);
    return address;
}

Test(stream, connects_and_says_so)
{
    struct rig rig;
    int listener;
    struct address address = listener_address(&listener), from;
    char data[16];

    rig_start(&rig);
    stream_close(rig.stream);
    close(rig.peer);
    rig.stream = stream_connect(&rig.loop, socket_for(AF_INET), &address, &rig_events, &rig);
    cr_assert_not_null(rig.stream);
    cr_assert_eq(rig.opened, 0);
    rig_write(&rig, "early", 5);
    cr_assert_eq(stream_read(rig.stream, &rig.in, 10), 0);
    rig_until(&rig, rig.opened == 1);
    rig.peer = socket_accept(listener, &from);
    cr_assert_geq(rig.peer, 0);
    long got = -1;
    rig_until(&rig, (got = rig_take(&rig, data, sizeof(data))) > 0);
    cr_assert_eq(got, 5, "what was queued before leaves after");
    close(listener);
    rig_stop(&rig);
}

Test(stream, a_refused_connection_fails)
{
    struct rig rig;
    int listener;
    struct address address = listener_address(&listener);

    close(listener);
    rig_start(&rig);
    stream_close(rig.stream);
    rig.stream = stream_connect(&rig.loop, socket_for(AF_INET), &address, &rig_events, &rig);
    if (rig.stream) {
        rig_until(&rig, rig.failed == ERROR_CONNECT);
        cr_assert_eq(rig.failed_errno, ECONNREFUSED);
    } else {
        cr_assert_eq(errno, ECONNREFUSED);
    }
    rig_stop(&rig);
}

Test(stream, a_missing_unix_socket_fails_at_once)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
    struct address address;
    struct rig rig;

    address_set(&address, (struct sockaddr *)&un, sizeof(un));
    rig_start(&rig);
    errno = 0;
    cr_assert_null(stream_connect(&rig.loop, socket_for(AF_UNIX), &address, &rig_events, &rig));
    cr_assert_eq(errno, ENOENT);
    rig_stop(&rig);
}
