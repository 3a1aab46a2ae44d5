/* SPDX-License-Identifier: MIT */
/* What moves streams: full sockets, drained queues, failures, closing inside callbacks. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static void shrink(int fd)
{
    int size = 4096;

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* Queues until the stream is full and the kernel takes no more. */
static size_t fill(struct rig *rig)
{
    static const char block[32 * 1024];
    size_t total = 0;
    int still = 0;

    while (still < 20) {
        if (stream_is_full(rig->stream)) {
            still++;
        } else {
            rig_write(rig, block, sizeof(block));
            total += sizeof(block);
            still = 0;
        }
        rig_turn(rig);
    }
    return total;
}

Test(stream_turn, a_slow_reader_fills_and_drains_the_queue)
{
    struct rig rig;
    char *data = malloc(1 << 20);

    rig_start(&rig);
    shrink(stream_fd(rig.stream));
    size_t total = fill(&rig), got = 0;
    cr_assert(stream_is_full(rig.stream));
    cr_assert_lt(stream_queued(rig.stream), STREAM_QUEUE + 32 * 1024);
    rig_until(&rig, stream_unacked(rig.stream) > 0);
    int drained = rig.drained;
    while (got < total) {
        long part = rig_take(&rig, data, 1 << 20);
        if (part > 0)
            got += (size_t)part;
        rig_turn(&rig);
    }
    cr_assert_gt(rig.drained, drained);
    cr_assert_eq(stream_queued(rig.stream), 0);
    cr_assert_eq(stream_bytes_out(rig.stream), total);
    rig_until(&rig, stream_unacked(rig.stream) == 0);
    free(data);
    rig_stop(&rig);
}

Test(stream_turn, every_emptied_queue_is_told)
{
    struct rig rig;

    rig_start(&rig);
    rig_write(&rig, "a", 1);
    rig_write(&rig, "b", 1);
    cr_assert_eq(stream_queued(rig.stream), 2);
    rig_until(&rig, rig.drained == 1);
    for (int i = 0; i < 5; i++)
        rig_turn(&rig);
    cr_assert_eq(rig.drained, 1);
    rig_stop(&rig);
}

Test(stream_turn, a_failed_write_leaves_what_the_peer_said_before)
{
    struct rig rig;
    const struct linger at_once = {1, 0};

    rig_start(&rig);
    rig.keeps_away = true;
    rig.reads_on_failure = true;
    shrink(stream_fd(rig.stream));
    fill(&rig);
    rig_send(&rig, "413", 3);
    setsockopt(rig.peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(rig.peer);
    rig.peer = -1;
    rig_until(&rig, rig.failed == ERROR_RESET);
    cr_assert_eq(rig.in.len, 3);
    rig_stop(&rig);
}

Test(stream_turn, writing_to_nobody_fails_without_a_signal)
{
    struct rig rig;

    rig_start(&rig);
    stream_pause(rig.stream);
    close(rig.peer);
    rig.peer = -1;
    rig_write(&rig, "x", 1);
    for (int i = 0; i < 2000 && !rig.failed; i++) {
        rig_write(&rig, "x", 1);
        rig_turn(&rig);
        if (!rig.stream)
            break;
    }
    cr_assert_eq(rig.failed, ERROR_RESET);
    rig_stop(&rig);
}

static void close_at_once(void *owner)
{
    struct rig *rig = owner;

    stream_close(rig->stream);
    rig->stream = NULL;
    rig->readable++;
}

static void never_fails(void *owner, enum error error)
{
    (void)owner;
    cr_assert_fail("failed with %s", error_token(error));
}

Test(stream_turn, closing_inside_callbacks)
{
    static const struct stream_events events = {close_at_once, close_at_once, close_at_once,
                                                never_fails};
    struct rig rig;

    rig_start(&rig);
    stream_set_owner(rig.stream, &events, &rig);
    rig_send(&rig, "x", 1);
    rig_until(&rig, rig.readable == 1);
    rig_stop(&rig);

    rig_start(&rig);
    stream_set_owner(rig.stream, &events, &rig);
    rig_write(&rig, "x", 1);
    rig_until(&rig, rig.readable == 1);
    rig_stop(&rig);
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)timer;
    (void)events;
    ev_break(ev, EVBREAK_ALL);
}

/* How often the loop wakes up in that time: a stream that spins shows here. */
static unsigned wakes_in(struct rig *rig, double seconds)
{
    ev_timer timer;
    unsigned before = ev_iteration(rig->loop.ev);

    ev_timer_init(&timer, on_timer, seconds, 0.);
    ev_timer_start(rig->loop.ev, &timer);
    loop_run(&rig->loop);
    return ev_iteration(rig->loop.ev) - before;
}

Test(stream_turn, nothing_spins)
{
    struct rig rig;

    rig_start(&rig);
    stream_pause(rig.stream);
    rig_send(&rig, "abc", 3);
    shutdown(rig.peer, SHUT_WR);
    cr_assert_lt(wakes_in(&rig, 0.1), 12, "paused, with bytes and a FIN waiting");
    stream_resume(rig.stream);
    rig_until(&rig, rig.ended == ERROR_END);
    cr_assert_lt(wakes_in(&rig, 0.1), 12, "after the peer's end");
    stream_end(rig.stream);
    rig_until(&rig, stream_has_ended(rig.stream));
    cr_assert_lt(wakes_in(&rig, 0.1), 12, "ended on both sides (EPOLLHUP)");
    close(rig.peer);
    rig.peer = -1;
    cr_assert_lt(wakes_in(&rig, 0.1), 12, "and closed by the peer");
    rig_stop(&rig);
}

Test(stream_turn, a_blocked_writer_does_not_spin)
{
    struct rig rig;

    rig_start(&rig);
    shrink(stream_fd(rig.stream));
    fill(&rig);
    cr_assert_lt(wakes_in(&rig, 0.1), 12);
    rig_stop(&rig);
}
