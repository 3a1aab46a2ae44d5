/* SPDX-License-Identifier: MIT */
/* Bodies on their way out: asked for when a frame is due, resumed, and reset meanwhile. */
#include "raw.h"

#include <criterion/criterion.h>

static struct chain_pool pool;
static struct raw raw;

static void start(void)
{
    chain_pool_init(&pool);
    raw_open(&raw, H2_SERVER, NULL, &pool);
}

static void stop(void)
{
    raw_close(&raw);
    chain_pool_free(&pool);
    cr_assert_eq(pool.held, 0);
}

TestSuite(body, .init = start, .fini = stop);

static void answer_small(struct message *message)
{
    end_respond(message, 100);
}

static void answer_large(struct message *message)
{
    end_respond(message, 1 << 20);
}

Test(body, waits_until_resumed)
{
    raw_get(&raw, 1);
    raw_send(&raw);
    struct message *message = end_message(&raw.end, 0);
    message->stays_open = true;
    end_respond(message, 30);
    message->to_send = 10;
    raw_send(&raw);
    cr_assert_eq(raw.data_bytes, 10);
    cr_assert_not(h2_has_output(raw.end.session));
    unsigned reads = message->reads;
    raw_send(&raw);
    cr_assert_eq(message->reads, reads, "not asked again");
    message->to_send = 20;
    h2_resume(message->stream);
    h2_resume(message->stream);
    cr_assert(h2_has_output(raw.end.session));
    message->stays_open = false;
    raw_send(&raw);
    cr_assert_eq(raw.data_bytes, 30);
    cr_assert(raw.is_ended[1]);
}

static void answer_waiting(struct message *message)
{
    end_respond(message, 100);
    message->to_send = 0;
    message->stays_open = true;
}

/* The first stream that is read finds bytes for the one that waits. */
static void feed_other(struct message *message)
{
    struct message *other = end_message(&raw.end, 1);
    if (message == other || other->sent > 0 || other->to_send > 0)
        return;
    other->to_send = 100;
    other->stays_open = false;
    h2_resume(other->stream);
}

Test(body, stream_is_resumed_while_another_is_read)
{
    raw.end.answer = answer_waiting;
    raw_get(&raw, 1);
    raw_get(&raw, 3);
    raw_send(&raw);
    cr_assert_eq(raw.data_bytes, 0);
    raw.end.reading = feed_other;
    struct message *first = end_message(&raw.end, 0);
    first->to_send = 100;
    h2_resume(first->stream);
    raw_send(&raw);
    cr_assert_eq(raw.data_bytes, 200);
    cr_assert(raw.is_ended[3]);
}

static void feed_late(struct message *message)
{
    /* Found empty, then filled, then told: all in one call. */
    if (message->reads == 3)
        message->to_send = 100;
    if (message->reads == 2)
        h2_resume(message->stream);
}

Test(body, stream_is_resumed_while_it_is_read)
{
    raw.end.answer = answer_waiting;
    raw_get(&raw, 1);
    raw_send(&raw);
    struct message *message = end_message(&raw.end, 0);
    cr_assert_eq(message->reads, 1);
    raw.end.reading = feed_late;
    h2_resume(message->stream);
    raw_send(&raw);
    cr_assert_eq(raw.data_bytes, 100, "no wake-up is lost");
}

static void reset_all(struct message *message)
{
    for (unsigned i = 0; i < 4; i++) {
        if (message->end->messages[i].stream != NULL)
            end_reset(&message->end->messages[i], H2_INTERNAL_ERROR);
    }
}

Test(body, streams_are_reset_while_one_is_read)
{
    raw.end.answer = answer_large;
    raw.end.reading = reset_all;
    for (int32_t id = 1; id < 8; id += 2)
        raw_get(&raw, id);
    raw_send(&raw);
    cr_assert_eq(raw.data_bytes, 0);
    cr_assert_eq(raw.resets, 4);
    cr_assert_eq(h2_stream_count(raw.end.session), 0);
    raw.end.reading = NULL;
    raw.end.answer = answer_small;
    raw_get(&raw, 9);
    raw_send(&raw);
    cr_assert(raw.is_ended[9]);
}
