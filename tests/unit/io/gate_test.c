/* SPDX-License-Identifier: MIT */
/* A share that holds more than it may: its streams wait, one at a time goes on, all go on later. */
#include "io/gate.h"
#include "io/rig.h"

#include <criterion/criterion.h>
#include <unistd.h>

#define MOST ((size_t)1024 * 1023) /* one at a time goes on all the same */

/* Streams of one share that read all that comes. */
struct reader {
    struct stream *stream;
    struct chain in;
    int peer;
    enum error failed;
};

static struct loop loop;
static struct loop_share *share;
static struct account *account;
static struct reader readers[8];
static unsigned told;

static void on_readable(void *owner)
{
    struct reader *reader = owner;

    stream_read(reader->stream, &reader->in, 16);
}

static void on_failed(void *owner, enum error error)
{
    ((struct reader *)owner)->failed = error;
}

static void nothing(void *owner)
{
    (void)owner;
}

static const struct stream_events events = {
    .on_open = nothing, .on_readable = on_readable, .on_writable = nothing, .on_failed = on_failed};

static void on_shut(void *owner)
{
    cr_assert_eq(owner, &told);
    told++;
}

static void bound(size_t most)
{
    static const struct gate_events gate_events = {.on_shut = on_shut};

    gate_bound(share, most, &gate_events, &told);
}

static void start(unsigned count)
{
    struct loop_share *before;

    loop_init(&loop);
    share = loop_share_new(&loop, SHARE_WEIGHT);
    account = share->account;
    bound(MOST);
    before = loop_enter(&loop, share);
    for (unsigned i = 0; i < count; i++) {
        int ours;

        rig_tcp_pair(&ours, &readers[i].peer);
        readers[i].stream = stream_new(&loop, ours, &events, &readers[i]);
        chain_init(&readers[i].in, &loop.buffers);
        readers[i].failed = ERROR_NONE;
    }
    loop_leave(&loop, before);
}

static void turn(void)
{
    ev_run(loop.ev, EVRUN_NOWAIT);
}

static void run(double seconds)
{
    double end = loop_clock() + seconds;

    while (loop_clock() < end) {
        turn();
        usleep(500);
    }
}

#define until(condition)                                                                           \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            cr_assert_lt(turns_, 20000, "waited in vain for " #condition);                         \
            turn();                                                                                \
            usleep(500);                                                                           \
        }                                                                                          \
    } while (0)

static void say(unsigned who, const char *text)
{
    cr_assert_eq(write(readers[who].peer, text, strlen(text)), (ssize_t)strlen(text));
}

static unsigned heard(unsigned count)
{
    unsigned some = 0;

    for (unsigned i = 0; i < count; i++)
        some += readers[i].in.len > 0;
    return some;
}

static void stop(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        stream_close(readers[i].stream);
        chain_clear(&readers[i].in);
        close(readers[i].peer);
    }
    turn();
    loop_share_unref(share);
    loop_free(&loop);
}

Test(gate, a_stream_is_accounted_while_it_lives)
{
    start(2);
    size_t two = account->held;
    cr_assert_gt(two, 0);
    cr_assert_eq(account->standing, two);
    stream_layer_holds(readers[0].stream, 1000);
    cr_assert_eq(account->held, two + 1000);
    stream_layer_holds(readers[0].stream, 10);
    cr_assert_eq(account->standing, two + 10);
    say(1, "hello");
    until(readers[1].in.len == 5);
    cr_assert_eq(account->held, two + 10 + BUFFER_SIZE);
    chain_clear(&readers[1].in);
    stream_close(readers[0].stream);
    until(account->held == two / 2);
    readers[0].stream = NULL;
    stop(2);
}

Test(gate, what_servers_hold_keeps_no_client_out)
{
    struct address address = {.len = sizeof(address.v4)};
    struct loop_share *before;
    struct stream *server;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    start(0);
    address.v4.sin_family = AF_INET;
    address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(listener, &address.any, address.len), 0);
    cr_assert_eq(listen(listener, 1), 0);
    getsockname(listener, &address.any, &address.len);
    before = loop_enter(&loop, share);
    server = stream_connect(&loop, socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), &address,
                            &events, &readers[0]);
    loop_leave(&loop, before);
    cr_assert(server);
    cr_assert_gt(account->held, 0);
    cr_assert_eq(account->standing, 0);
    stream_close(server);
    until(account->held == 0);
    close(listener);
    stop(0);
}

Test(gate, those_who_wait_are_all_told_when_there_is_room)
{
    start(8);
    account_take(account, MOST);
    for (unsigned i = 0; i < 8; i++)
        say(i, "x");
    until(stream_is_held(readers[7].stream));
    account_give(account, MOST);
    until(heard(8) == 8);
    for (unsigned i = 0; i < 8; i++)
        cr_assert(!stream_is_held(readers[i].stream));
    cr_assert_geq(told, 1);
    stop(8);
}

/* What the one that goes on reads is held: the next waits for a second. */
Test(gate, one_goes_on_at_a_time_while_its_bytes_are_held)
{
    start(4);
    account_take(account, MOST);
    for (unsigned i = 0; i < 4; i++)
        say(i, "x");
    until(heard(4) == 1);
    cr_assert_eq(readers[0].in.len, 1, "the first");
    run(0.2);
    cr_assert_eq(heard(4), 1);
    say(0, "more than one read takes");
    until(readers[0].in.len == 25);
    cr_assert_eq(heard(4), 1);
    until(heard(4) == 2);
    cr_assert_eq(readers[1].in.len, 1, "the second");
    account_give(account, MOST);
    stop(4);
}

Test(gate, the_next_goes_on_as_soon_as_nothing_more_is_held)
{
    double begun;

    start(8);
    account_take(account, MOST);
    begun = loop_clock();
    for (unsigned i = 0; i < 8; i++)
        say(i, "x");
    for (unsigned i = 0; i < 8; i++) {
        until(readers[i].in.len == 1);
        chain_clear(&readers[i].in);
    }
    cr_assert_lt(loop_clock() - begun, 5, "a second each would be eight");
    account_give(account, MOST);
    stop(8);
}

Test(gate, who_leaves_waits_no_more)
{
    start(3);
    account_take(account, MOST);
    for (unsigned i = 0; i < 3; i++)
        say(i, "x");
    until(readers[0].in.len == 1);
    stream_close(readers[0].stream);
    stream_close(readers[1].stream);
    readers[0].stream = readers[1].stream = NULL;
    until(readers[2].in.len == 1);
    account_give(account, MOST);
    stop(3);
}

Test(gate, who_does_not_want_to_read_is_not_woken)
{
    start(2);
    account_take(account, MOST);
    say(0, "x");
    say(1, "x");
    until(readers[0].in.len == 1 && stream_is_held(readers[1].stream));
    stream_pause(readers[1].stream);
    account_give(account, MOST);
    run(0.05);
    cr_assert_eq(readers[1].in.len, 0);
    stream_resume(readers[1].stream);
    until(readers[1].in.len == 1);
    stop(2);
}

Test(gate, a_larger_bound_opens_it)
{
    start(2);
    account_take(account, 2 * MOST);
    say(0, "x");
    say(1, "x");
    until(readers[0].in.len == 1 && stream_is_held(readers[1].stream));
    bound(ACCOUNT_UNBOUNDED);
    until(readers[1].in.len == 1);
    account_give(account, 2 * MOST);
    stop(2);
}

/* While it is shut, the owner is told now and then, whether or not somebody waits. */
Test(gate, the_owner_is_told_again_and_again)
{
    start(1);
    account_take(account, 2 * MOST);
    until(told >= 3);
    account_give(account, 2 * MOST);
    run(0.02);
    told = 0;
    run(0.25);
    cr_assert_eq(told, 0);
    gate_disown(share);
    account_take(account, 2 * MOST);
    run(0.02);
    account_give(account, 2 * MOST);
    stop(1);
}

/* Far beyond the bound who goes on adds little before the next one does. */
Test(gate, one_alone_adds_a_buffer_or_two)
{
    static char much[8 * BUFFER_SIZE];

    start(2);
    account_take(account, 2 * MOST);
    cr_assert_eq(write(readers[0].peer, much, sizeof(much)), (ssize_t)sizeof(much));
    until(stream_is_held(readers[0].stream));
    until(readers[0].in.len >= 2 * BUFFER_SIZE && readers[0].stream &&
          stream_is_held(readers[0].stream));
    say(1, "x");
    until(heard(2) == 2);
    cr_assert_lt(readers[0].in.len, 7 * BUFFER_SIZE, "%zu", readers[0].in.len);
    chain_clear(&readers[0].in);
    account_give(account, 2 * MOST);
    until(readers[0].in.len > 0);
    stop(2);
}

/* As nobody bounds it, it has no gate; what it holds is known all the same. */
Test(gate, a_bound_that_comes_later_counts_what_is_there)
{
    loop_init(&loop);
    share = loop_share_new(&loop, SHARE_WEIGHT);
    account = share->account;
    gate_disown(share);
    bound(ACCOUNT_UNBOUNDED);
    cr_assert_null(share->gate);
    account_take(account, 2 * MOST);
    bound(MOST);
    until(told > 0);
    account_give(account, 2 * MOST);
    stop(0);
}
