/* SPDX-License-Identifier: MIT */
/* What a session says of itself: requests that it takes, and whether it is done. */
#include "rig.h"

#include <criterion/criterion.h>

TestSuite(facts, .init = rig_start_pair, .fini = rig_stop_pair);

Test(facts, own_cap_of_streams)
{
    struct h2_settings settings;
    h2_settings_init(&settings, H2_CLIENT);
    settings.streams_max = 3;
    end_close(&client);
    end_open(&client, H2_CLIENT, &settings, &pool);
    end_pump(&client, &server);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_not_null(end_request(&client, "GET", "/", 0));
    cr_assert_eq(h2_requests_left(client.session), 0);
    cr_assert_null(end_request(&client, "GET", "/", 0));
    end_pump(&client, &server);
    cr_assert_eq(server.requests, 3);
    end_reset(end_message(&client, 0), H2_CANCEL);
    cr_assert_eq(h2_requests_left(client.session), 0, "not before the reset has left");
    end_pump(&client, &server);
    cr_assert_eq(h2_requests_left(client.session), 1);
}

Test(facts, terminate)
{
    end_request(&client, "GET", "/", 0);
    end_pump(&client, &server);
    h2_terminate(server.session, H2_ENHANCE_YOUR_CALM);
    end_pump(&client, &server);
    cr_assert_eq(client.goaway_code, (uint32_t)H2_ENHANCE_YOUR_CALM);
    cr_assert(h2_is_done(server.session));
    cr_assert_eq(server.closed, 0, "without events");
}

Test(facts, http1_instead_of_settings)
{
    struct chain in;
    chain_init(&in, &pool);
    chain_printf(&in, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    end_request(&client, "GET", "/", 0);
    h2_receive(client.session, &in, H2_ALL, 0);
    h2_write(client.session, &client.out, 1 << 20);
    cr_assert(h2_is_done(client.session));
    cr_assert_neq(h2_reason(client.session)[0], '\0');
}
