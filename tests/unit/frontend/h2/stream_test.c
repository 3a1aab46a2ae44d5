/* SPDX-License-Identifier: MIT */
/* Streams come and go: their memory is used again, and what is refused leaves nothing behind. */
#include "frontend/h2/client.h"

#include <stdio.h>

static struct rig rig;
static struct h2_client client;
static struct h2_ask ask;

static void expect_steps(const char *const steps[])
{
    for (size_t i = 0; steps[i]; i++) {
        char line[64];

        snprintf(line, sizeof(line), "client 1: HTTP/2: stream 1: %s", steps[i]);
        cr_expect(rig_has_logged(&rig, line), "no \"%s\"", line);
    }
}

Test(h2_stream, hundreds_one_after_the_other)
{
    rig_start(&rig, "return 200 'ok';");
    h2_client_open(&client, &rig);
    for (int i = 0; i < 300; i++)
        cr_assert_eq(h2_ask_simply(&client, "/"), 200);
    h2_client_close(&client);
    rig_close(&rig);
}

Test(h2_stream, many_that_are_cancelled_at_once)
{
    static struct h2_ask asks[100];

    rig_start_proxy(&rig, "");
    h2_client_open(&client, &rig);
    for (int i = 0; i < 100; i++) {
        h2_ask_init(&asks[i], "GET", "/");
        h2_ask_send(&asks[i], &client, true);
    }
    for (int i = 0; i < 3; i++)
        h2_client_turn(&client);
    for (int i = 0; i < 100; i++)
        h2_reset(asks[i].handle, H2_CANCEL);
    for (int i = 0; i < 20; i++)
        h2_client_turn(&client);
    cr_assert_not(client.ended);
    for (int i = 0; i < 100; i++)
        h2_ask_free(&asks[i]);
    h2_client_close(&client);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

Test(h2_stream, an_upload_comes_before_its_response)
{
    static const char *const steps[] = {"request: head to body",     "request: body to ended",
                                        "response: awaited to head", "response: head to body",
                                        "response: body to ended",   NULL};

    rig_start_proxy(&rig, "");
    rig_watch_log(&rig);
    h2_client_open(&client, &rig);
    h2_ask_init(&ask, "POST", "/");
    h2_ask_send(&ask, &client, false);
    h2_ask_upload(&ask, "hello", 5, true);
    h2_client_turn(&client);
    int back = server_accept(&rig);
    client_expect(&rig, back, "hello");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    h2_until(&client, ask.closed);
    cr_expect_eq(ask.response.status, 200);
    expect_steps(steps);
    h2_ask_finish(&ask, back);
}

Test(h2_stream, a_refusal_drops_the_request)
{
    static const char *const steps[] = {"request: body to dropped", "response: awaited to head",
                                        NULL};

    rig_start(&rig, "return 200 'ok';");
    rig_watch_log(&rig);
    h2_client_open(&client, &rig);
    h2_ask_init(&ask, "GET", "/");
    ask.request.upgrade = SLICE("other");
    h2_until(&client, h2_allows_connect(client.session));
    h2_ask_send(&ask, &client, false);
    h2_until(&client, ask.heads > 0);
    cr_expect_eq(ask.response.status, 501);
    expect_steps(steps);
    h2_ask_free(&ask);
    h2_client_close(&client);
    rig_close(&rig);
}
