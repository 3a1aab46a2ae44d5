/* SPDX-License-Identifier: MIT */
/* How streams end: by either side, broken off, and what their windows get back. */
#include "rig.h"

#include <criterion/criterion.h>

TestSuite(closing, .init = rig_start_pair, .fini = rig_stop_pair);

static void answer_one(struct message *message)
{
    end_respond(message, 1);
}

static void answer_long(struct message *message)
{
    end_respond(message, 4 * 1024 * 1024);
}

Test(closing, reset_gives_the_connection_window_back)
{
    server.holds = true;
    for (unsigned round = 0; round < 100; round++) {
        struct message *message = end_request(&client, "POST", "/", 1024 * 1024);
        end_pump(&client, &server);
        cr_assert_eq(end_message(&server, 0)->received, 128 * 1024, "round %u", round);
        if (round % 2 == 0)
            end_reset(message, H2_CANCEL);
        else
            end_reset(end_message(&server, 0), H2_INTERNAL_ERROR);
        end_pump(&client, &server);
        cr_assert_eq(h2_stream_count(server.session), 0);
        cr_assert_eq(h2_stream_count(client.session), 0);
    }
}

Test(closing, client_cancels_a_download)
{
    client.holds = true;
    server.answer = answer_long;
    struct message *message = end_request(&client, "GET", "/", 0);
    end_pump(&client, &server);
    cr_assert_eq(message->received, 128 * 1024);
    end_reset(message, H2_CANCEL);
    end_pump(&client, &server);
    struct message *served = end_message(&server, 0);
    cr_assert_eq(served->closes, 1);
    cr_assert_eq(served->closing.error, ERROR_CLIENT_GONE);
    cr_assert(served->closing.is_by_peer);
    cr_assert_eq(served->closing.code, (uint32_t)H2_CANCEL);
    cr_assert_eq(message->closes, 0, "the owner that resets is not told");
}

Test(closing, server_breaks_a_body)
{
    server.answer = answer_one;
    struct message *message = end_request(&client, "GET", "/", 0);
    h2_write(client.session, &client.out, 1 << 20);
    h2_receive(server.session, &client.out, H2_ALL, 0);
    end_message(&server, 0)->breaks = true;
    end_pump(&client, &server);
    cr_assert_eq(message->closing.error, ERROR_BACKEND_RESET);
    cr_assert_eq(message->closing.code, (uint32_t)H2_INTERNAL_ERROR);
    cr_assert_not(message->closing.is_untouched);
    cr_assert_eq(end_message(&server, 0)->closing.error, ERROR_TRUNCATED);
}
