/* SPDX-License-Identifier: MIT */
/* Bodies on their way out: asked for when a frame is due, resumed, and reset meanwhile. */
#include "rig.h"

#include <criterion/criterion.h>

TestSuite(body, .init = rig_start_server, .fini = rig_stop);

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
    rig_get(1);
    rig_send();
    struct message *message = end_message(&rig.end, 0);
    message->stays_open = true;
    end_respond(message, 30);
    message->to_send = 10;
    rig_send();
    cr_assert_eq(rig.data_bytes, 10);
    cr_assert_not(h2_has_output(rig.end.session));
    unsigned reads = message->reads;
    rig_send();
    cr_assert_eq(message->reads, reads, "not asked again");
    message->to_send = 20;
    h2_resume(message->stream);
    h2_resume(message->stream);
    cr_assert(h2_has_output(rig.end.session));
    message->stays_open = false;
    rig_send();
    cr_assert_eq(rig.data_bytes, 30);
    cr_assert(rig.is_ended[1]);
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
    struct message *other = end_message(&rig.end, 1);
    if (message == other || other->sent > 0 || other->to_send > 0)
        return;
    other->to_send = 100;
    other->stays_open = false;
    h2_resume(other->stream);
}

Test(body, stream_is_resumed_while_another_is_read)
{
    rig.end.answer = answer_waiting;
    rig_get(1);
    rig_get(3);
    rig_send();
    cr_assert_eq(rig.data_bytes, 0);
    rig.end.reading = feed_other;
    struct message *first = end_message(&rig.end, 0);
    first->to_send = 100;
    h2_resume(first->stream);
    rig_send();
    cr_assert_eq(rig.data_bytes, 200);
    cr_assert(rig.is_ended[3]);
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
    rig.end.answer = answer_waiting;
    rig_get(1);
    rig_send();
    struct message *message = end_message(&rig.end, 0);
    cr_assert_eq(message->reads, 1);
    rig.end.reading = feed_late;
    h2_resume(message->stream);
    rig_send();
    cr_assert_eq(rig.data_bytes, 100, "no wake-up is lost");
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
    rig.end.answer = answer_large;
    rig.end.reading = reset_all;
    for (int32_t id = 1; id < 8; id += 2)
        rig_get(id);
    rig_send();
    cr_assert_eq(rig.data_bytes, 0);
    cr_assert_eq(rig.resets, 4);
    cr_assert_eq(h2_stream_count(rig.end.session), 0);
    rig.end.reading = NULL;
    rig.end.answer = answer_small;
    rig_get(9);
    rig_send();
    cr_assert(rig.is_ended[9]);
}
