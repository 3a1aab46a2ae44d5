/* SPDX-License-Identifier: MIT */
/* Two sessions talk: bodies both ways, windows, cancellation, and what is left behind. */
#include "rig.h"

#include <criterion/criterion.h>

TestSuite(stream, .init = rig_start_pair, .fini = rig_stop_pair);

static void answer_one(struct message *message)
{
    end_respond(message, 1);
}

static void answer_long(struct message *message)
{
    end_respond(message, 4 * 1024 * 1024);
}

static void answer_endless(struct message *message)
{
    end_respond(message, 0);
}

Test(stream, small_request_and_response)
{
    server.answer = answer_one;
    struct message *message = end_request(&client, "GET", "/a?b=c", 0);
    end_pump(&client, &server);
    struct message *served = end_message(&server, 0);
    cr_assert_eq(served->requests, 1);
    cr_assert_eq(served->ends, 1);
    cr_assert_eq(served->closes, 1);
    cr_assert_eq(served->closing.error, ERROR_NONE);
    cr_assert_eq(message->responses, 1);
    cr_assert_eq(message->received, 1);
    cr_assert_eq(message->ends, 1);
    cr_assert_eq(message->closes, 1);
    cr_assert_eq(message->closing.error, ERROR_NONE);
    cr_assert_eq(h2_stream_count(client.session), 0);
    cr_assert_eq(h2_stream_count(server.session), 0);
    cr_assert_eq(client.verdict, H2_OPEN);
}

Test(stream, large_bodies_both_ways)
{
    server.answer = answer_long;
    struct message *message = end_request(&client, "POST", "/", 4 * 1024 * 1024);
    message->stays_open = true;
    end_pump(&client, &server);
    struct message *served = end_message(&server, 0);
    cr_assert_eq(served->received, 4 * 1024 * 1024);
    cr_assert_eq(message->received, 4 * 1024 * 1024);
    cr_assert_eq(message->closes, 1, "the response was complete: so is the stream");
    cr_assert_eq(message->closing.error, ERROR_NONE);
    cr_assert_eq(served->closes, 1);
    cr_assert_eq(served->closing.error, ERROR_NONE);
}

Test(stream, stalled_reader_holds_one_window_only)
{
    server.holds = true;
    struct message *message = end_request(&client, "POST", "/", 8 * 1024 * 1024);
    end_pump(&client, &server);
    struct message *served = end_message(&server, 0);
    cr_assert_eq(served->received, 128 * 1024, "the first window, and it does not grow");
    /* Another stream of the same connection goes on. */
    server.holds = false;
    end_request(&client, "POST", "/", 8 * 1024 * 1024);
    end_pump(&client, &server);
    cr_assert_eq(end_message(&server, 1)->received, 8 * 1024 * 1024);
    cr_assert_eq(served->received, 128 * 1024);
    end_consume(served);
    end_pump(&client, &server);
    cr_assert_eq(served->received, 8 * 1024 * 1024);
    cr_assert_eq(message->to_send, 0);
}

Test(stream, fast_reader_gets_a_larger_window)
{
    struct message *message = end_request(&client, "POST", "/", 12 * 1024 * 1024);
    message->to_send = 4 * 1024 * 1024;
    message->stays_open = true;
    end_pump(&client, &server);
    server.holds = true;
    message->to_send = 8 * 1024 * 1024;
    h2_resume(message->stream);
    uint64_t before = end_message(&server, 0)->received;
    end_pump(&client, &server);
    uint64_t ahead = end_message(&server, 0)->received - before;
    cr_assert_gt(ahead, 512 * 1024, "%llu", (unsigned long long)ahead);
    cr_assert_leq(ahead, 1024 * 1024);
}

Test(stream, connection_window_bounds_all_streams)
{
    server.holds = true;
    for (unsigned i = 0; i < 40; i++)
        end_request(&client, "POST", "/", 1024 * 1024);
    end_pump(&client, &server);
    uint64_t held = 0;
    for (unsigned i = 0; i < 40; i++)
        held += end_message(&server, i)->held;
    cr_assert_eq(held, 2 * 1024 * 1024);
}

/* Bodies cut short by either side, by an early answer, in the middle of a flight. The smallest
 * window that there is: four bytes lost by each stream would use up what a peer must see of it (it
 * is told of what came back once that is half of the window). */
Test(stream, ten_thousand_streams_leak_no_window)
{
    struct h2_settings settings;
    h2_settings_init(&settings, H2_SERVER);
    settings.stream_window = settings.stream_window_max = settings.connection_window = 65535;
    end_close(&server);
    end_open(&server, H2_SERVER, &settings, &pool);
    for (unsigned round = 0; round < 10000; round++) {
        server.answer = round % 4 == 1 ? answer_endless : NULL;
        server.holds = round % 3 != 0;
        struct message *message = end_request(&client, "POST", "/", 1 + round * 37 % 20000);
        cr_assert_not_null(message, "round %u", round);
        end_pump(&client, &server);
        struct message *served = end_message(&server, 0);
        switch (round % 4) {
        case 0:
            /* Not more of these at once than the limit of rapid resets lets pass. */
            if (round % 12 == 0)
                end_reset(message, H2_CANCEL);
            else
                end_respond(served, 0);
            break;
        case 2:
            end_reset(served, H2_CANCEL);
            break;
        case 3:
            end_respond(served, 5);
            break;
        default:
            break;
        }
        end_pump(&client, &server);
        cr_assert_eq(h2_stream_count(client.session), 0, "round %u", round);
        cr_assert_eq(h2_stream_count(server.session), 0, "round %u", round);
        server.now += 0.1;
        client.now += 0.1;
    }
    server.answer = NULL;
    server.holds = true;
    end_request(&client, "POST", "/", 1024 * 1024);
    end_pump(&client, &server);
    cr_assert_gt(end_message(&server, 0)->held, 65535 / 2);
    cr_assert_eq(server.verdict, H2_OPEN, "%s", h2_reason(server.session));
}

Test(stream, one_of_a_hundred_never_reads)
{
    server.answer = answer_long;
    struct message *stalled = end_request(&client, "GET", "/", 0);
    client.holds = true;
    end_pump(&client, &server);
    cr_assert_eq(stalled->received, 128 * 1024);
    client.holds = false;
    server.answer = answer_one;
    for (unsigned i = 0; i < 99; i++)
        cr_assert_not_null(end_request(&client, "GET", "/", 0));
    end_pump(&client, &server);
    cr_assert_eq(client.closed, 99);
    cr_assert_eq(h2_stream_count(client.session), 1);
}

Test(stream, unread_response_does_not_hold_the_connection)
{
    client.holds = true;
    server.answer = answer_one;
    for (unsigned i = 0; i < 1000; i++) {
        struct message *message = end_request(&client, "GET", "/", 0);
        end_pump(&client, &server);
        cr_assert_eq(message->closes, 1);
    }
}

Test(stream, too_much_consumed_is_ignored)
{
    server.holds = true;
    end_request(&client, "POST", "/", 1024 * 1024);
    end_pump(&client, &server);
    struct message *served = end_message(&server, 0);
    h2_consume(served->stream, 1u << 30);
    h2_consume(served->stream, 1u << 30);
    served->held = 0;
    end_pump(&client, &server);
    cr_assert_eq(served->held, 256 * 1024, "what was read at once opens the window once");
    cr_assert_eq(client.verdict, H2_OPEN);
}

Test(stream, counts_its_bytes)
{
    struct message *message = end_request(&client, "POST", "/", 1000);
    end_pump(&client, &server);
    struct message *served = end_message(&server, 0);
    cr_assert_gt(h2_stream_sent(message->stream), 1000 + 18);
    cr_assert_lt(h2_stream_sent(message->stream), 1000 + 200);
    cr_assert_eq(h2_stream_sent(message->stream), h2_stream_received(served->stream));
    cr_assert_eq(h2_stream_id(message->stream), 1);
    cr_assert_eq(h2_stream_received(message->stream), 0);
}
