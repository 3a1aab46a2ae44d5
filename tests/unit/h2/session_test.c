/* SPDX-License-Identifier: MIT */
/* A session's life: SETTINGS, graceful ends of either side, pings, and what a client may ask. */
#include "rig.h"

#include <criterion/criterion.h>

TestSuite(session, .init = rig_start_pair, .fini = rig_stop_pair);

static void answer_one(struct message *message)
{
    end_respond(message, 1);
}

Test(session, settings_are_exchanged)
{
    cr_assert(h2_has_output(server.session), "SETTINGS are ready");
    cr_assert_eq(h2_requests_left(client.session), 100, "before the server said");
    end_pump(&client, &server);
    cr_assert_eq(client.settings, 1);
    cr_assert_eq(server.settings, 1);
    cr_assert_eq(h2_requests_left(client.session), 128);
    cr_assert(h2_allows_connect(client.session));
    cr_assert_not(h2_is_done(client.session));
    cr_assert_not(h2_has_output(client.session));
    cr_assert_str_eq(h2_reason(client.session), "");
}

Test(session, shutdown_in_two_steps)
{
    struct message *first = end_request(&client, "GET", "/", 0);
    end_pump(&client, &server);
    h2_announce_shutdown(server.session);
    h2_ping(server.session);
    end_pump(&client, &server);
    cr_assert_eq(client.goaways, 1);
    cr_assert_eq(client.goaway_last, INT32_MAX);
    cr_assert_eq(client.goaway_code, 0);
    cr_assert_eq(server.pongs, 1);
    cr_assert_eq(h2_requests_left(client.session), 0);
    cr_assert_eq(first->closes, 0, "goes on");
    h2_shutdown(server.session);
    end_pump(&client, &server);
    cr_assert_eq(client.goaways, 2);
    cr_assert_eq(client.goaway_last, 1);
    cr_assert_not(h2_is_done(server.session));
    end_respond(end_message(&server, 0), 10);
    end_pump(&client, &server);
    cr_assert_eq(first->received, 10);
    cr_assert_eq(first->closing.error, ERROR_NONE);
    cr_assert(h2_is_done(server.session));
    cr_assert(h2_is_done(client.session));
    cr_assert_str_eq(h2_reason(server.session), "", "nothing went wrong");
}

/* RFC 9113 section 6.8: requests that crossed the announcement are served. */
Test(session, requests_that_cross_the_announcement)
{
    end_pump(&client, &server);
    server.answer = answer_one;
    struct message *message = end_request(&client, "GET", "/", 0);
    h2_announce_shutdown(server.session);
    end_pump(&client, &server);
    cr_assert_eq(client.goaways, 1);
    cr_assert_eq(message->closing.error, ERROR_NONE);
    cr_assert_eq(message->received, 1);
}

Test(session, streams_that_goaway_does_not_name_may_be_retried)
{
    struct message *first = end_request(&client, "POST", "/", 0);
    end_pump(&client, &server);
    h2_shutdown(server.session);
    struct message *second = end_request(&client, "POST", "/", 0);
    cr_assert_not_null(second);
    end_pump(&client, &server);
    cr_assert_eq(second->closes, 1);
    cr_assert(second->closing.is_untouched);
    cr_assert_eq(second->closing.error, ERROR_RETIRED);
    cr_assert_eq(first->closes, 0);
    cr_assert_eq(server.requests, 1);
    end_respond(end_message(&server, 0), 0);
    end_pump(&client, &server);
    cr_assert_eq(first->closing.error, ERROR_NONE);
}

Test(session, request_that_goaway_overtakes)
{
    end_pump(&client, &server);
    h2_shutdown(server.session);
    struct message *message = end_request(&client, "POST", "/", 0);
    /* The GOAWAY is read before the request is written. */
    h2_write(server.session, &server.out, 1 << 20);
    client.verdict = h2_receive(client.session, &server.out, H2_ALL, 0);
    cr_assert_eq(client.verdict, H2_CLOSING);
    end_pump(&client, &server);
    cr_assert_eq(message->closes, 1);
    cr_assert(message->closing.is_untouched);
    cr_assert_eq(server.requests, 0);
    cr_assert_eq(h2_stream_count(client.session), 0);
    cr_assert(h2_is_done(client.session));
}

Test(session, request_reset_before_it_is_written)
{
    end_pump(&client, &server);
    end_reset(end_request(&client, "POST", "/", 100), H2_CANCEL);
    end_pump(&client, &server);
    cr_assert_eq(server.requests, 0);
    cr_assert_eq(h2_requests_left(client.session), 128, "%u", h2_requests_left(client.session));
}

Test(session, refused_streams_may_be_retried)
{
    server.refuses = true;
    struct message *message = end_request(&client, "POST", "/", 100);
    end_pump(&client, &server);
    cr_assert_eq(message->closes, 1);
    cr_assert_eq(message->closing.code, (uint32_t)H2_REFUSED_STREAM);
    cr_assert(message->closing.is_untouched);
    cr_assert_eq(server.begun, 0);
    cr_assert_eq(h2_stream_count(server.session), 0);
}

Test(session, http1_instead_of_the_preface)
{
    struct chain in;
    chain_init(&in, &pool);
    chain_printf(&in, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(h2_receive(server.session, &in, H2_ALL, 0), H2_CLOSING);
    cr_assert_neq(h2_reason(server.session)[0], '\0');
    h2_write(server.session, &server.out, 1 << 20);
    cr_assert(h2_is_done(server.session));
    cr_assert_eq(in.len, 0);
    char last[17];
    chain_peek(&server.out, server.out.len - sizeof(last), last, sizeof(last));
    cr_assert_eq(last[3], 7, "GOAWAY (RFC 9113 section 3.4)");
    cr_assert_eq(last[16], H2_PROTOCOL_ERROR);
}

Test(session, freed_with_streams_open)
{
    server.holds = true;
    for (unsigned i = 0; i < 20; i++)
        end_request(&client, "POST", "/", 100000);
    end_pump(&client, &server);
    cr_assert_eq(h2_stream_count(server.session), 20);
}

Test(session, defaults)
{
    struct h2_settings settings;
    h2_settings_init(&settings, H2_SERVER);
    cr_assert_eq(settings.streams_max, 128);
    cr_assert_eq(settings.head_max, 32768);
    cr_assert_eq(settings.fields_max, 100);
    h2_session_free(NULL);
}
