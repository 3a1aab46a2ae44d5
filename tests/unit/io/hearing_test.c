/* SPDX-License-Identifier: MIT */
/* Up to when a peer was heard that had to wait at its share's gate. */
#include "io/gate.h"
#include "io/rig.h"
#include "io/stream.h"

#include <criterion/criterion.h>
#include <unistd.h>

#define MOST  ((size_t)1024 * 1023) /* one at a time goes on all the same */
#define LARGE 20000                 /* more than what any socket holds, as the room has it */

/* Two streams that read all that comes, a bit at a time. */
static struct loop loop;
static struct loop_share *share;
static struct stream *streams[2];
static struct chain in[2];
static int peers[2];
static bool is_deaf; /* the second one gets no turn */

static void on_readable(void *owner)
{
    size_t which = (size_t)((struct stream **)owner - streams);

    if (which == 0 || !is_deaf)
        stream_read(streams[which], &in[which], 4096);
}

static void nothing(void *owner)
{
    (void)owner;
}

static void on_failed(void *owner, enum error error)
{
    (void)owner;
    cr_assert_fail("%s", error_text(error));
}

static void start(void)
{
    static const struct stream_events events = {.on_open = nothing,
                                                .on_readable = on_readable,
                                                .on_writable = nothing,
                                                .on_failed = on_failed};
    static const struct gate_events gate_events = {.on_shut = nothing};
    struct loop_share *before;

    loop_init(&loop);
    share = loop_share_new(&loop, SHARE_WEIGHT);
    gate_bound(share, MOST, &gate_events, NULL);
    before = loop_enter(&loop, share);
    for (unsigned i = 0; i < 2; i++) {
        int ours;

        rig_tcp_pair(&ours, &peers[i]);
        streams[i] = stream_new(&loop, ours, &events, &streams[i]);
        chain_init(&in[i], &loop.buffers);
    }
    loop_leave(&loop, before);
}

static void turn(void)
{
    ev_run(loop.ev, EVRUN_NOWAIT);
}

#define until(condition)                                                                           \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            cr_assert_lt(turns_, 20000, "waited in vain for " #condition);                         \
            turn();                                                                                \
            usleep(500);                                                                           \
        }                                                                                          \
    } while (0)

static void say(unsigned who, size_t size)
{
    static const char bytes[LARGE];

    cr_assert_eq(write(peers[who], bytes, size), (ssize_t)size);
}

/* The first one passes at once and holds what it reads; the other one waits. */
static void hold(size_t size)
{
    account_take(share->account, MOST);
    say(0, 1);
    until(in[0].len == 1);
    say(1, size);
    until(stream_is_held(streams[1]));
}

static void stop(void)
{
    account_give(share->account, MOST);
    for (unsigned i = 0; i < 2; i++) {
        stream_close(streams[i]);
        chain_clear(&in[i]);
        close(peers[i]);
    }
    turn();
    loop_share_unref(share);
    loop_free(&loop);
}

Test(hearing, who_never_waits_is_heard)
{
    start();
    account_take(share->account, 1);
    say(0, 5);
    until(in[0].len == 5);
    cr_assert_eq(stream_heard(streams[0]), loop_now(&loop));
    cr_assert_eq(stream_heard(streams[1]), loop_now(&loop));
    account_take(share->account, MOST - 1);
    stop();
}

Test(hearing, who_waits_was_heard_until_then)
{
    start();
    hold(1);
    double begun = loop_now(&loop);
    until(loop_now(&loop) > begun + 0.2);
    cr_assert(stream_is_held(streams[1]));
    cr_assert_leq(stream_heard(streams[1]), begun);
    cr_assert_eq(stream_heard(streams[0]), loop_now(&loop), "it passes");
    stop();
}

Test(hearing, what_is_read_to_its_end_ends_it)
{
    start();
    hold(1);
    chain_clear(&in[0]); /* the next one passes */
    until(in[1].len == 1);
    cr_assert_eq(stream_heard(streams[1]), loop_now(&loop));
    /* The next wait begins by itself. */
    hold(1);
    double begun = loop_now(&loop);
    cr_assert_geq(stream_heard(streams[1]), begun - 0.5);
    account_give(share->account, MOST);
    stop();
}

/* It may have been held up by a socket that was full: what is on its way has time to come. */
Test(hearing, who_had_much_to_say_is_heard_a_moment_later)
{
    start();
    hold(LARGE);
    double begun = loop_now(&loop);
    account_give(share->account, MOST);
    until(in[1].len == LARGE);
    cr_assert_leq(stream_heard(streams[1]), begun);
    until(stream_heard(streams[1]) == loop_now(&loop));
    account_take(share->account, MOST);
    stop();
}

Test(hearing, who_always_has_more_to_say_is_not_excused_for_ever)
{
    start();
    hold(LARGE);
    double begun = loop_now(&loop);
    loop.now = begun + 10 * STREAM_EXCUSE;
    cr_assert_leq(stream_heard(streams[1]), begun, "it was not let pass");
    loop.now = begun;
    /* It goes on, and the gate is shut again while there is more of it. */
    chain_clear(&in[0]);
    until(in[1].len > 0);
    begun = stream_heard(streams[1]);
    cr_assert_lt(begun, loop_now(&loop));
    loop.now = begun + 0.9;
    cr_assert_eq(stream_heard(streams[1]), begun);
    stop();
}

/* Its share has so much to do that it is not read for a while, and is refused again before it is.
 */
Test(hearing, who_may_be_read_again_and_is_not_yet_was_not_heard)
{
    start();
    hold(1);
    double begun = loop_now(&loop);
    is_deaf = true;
    account_give(share->account, MOST);
    until(!stream_is_held(streams[1]));
    loop.now += 10;
    cr_assert_leq(stream_heard(streams[1]), begun);
    account_take(share->account, MOST);
    until(stream_is_held(streams[1]));
    cr_assert_leq(stream_heard(streams[1]), begun);
    is_deaf = false;
    account_give(share->account, MOST);
    until(in[1].len == 1);
    cr_assert_eq(stream_heard(streams[1]), loop_now(&loop));
    account_take(share->account, MOST);
    stop();
}
