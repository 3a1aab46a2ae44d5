/* SPDX-License-Identifier: MIT */
/* Requests over HTTP/2: bodies and their windows, limits, cancelled ones. */
#include "frontend/h2/client.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rig rig;
static struct h2_client client;
static struct h2_ask ask;

static int start_upload(const char *settings)
{
    rig_start_proxy(&rig, settings);
    h2_client_open(&client, &rig);
    h2_ask_init(&ask, "POST", "/up");
    h2_ask_send(&ask, &client, false);
    for (int i = 0; i < 3; i++)
        h2_client_turn(&client);
    return server_accept(&rig);
}

Test(h2_request, a_body_arrives_with_its_trailers_framing)
{
    int back = start_upload("");

    h2_ask_upload(&ask, "hello", 5, true);
    h2_client_turn(&client);
    h2_client_turn(&client);
    client_expect(&rig, back, "5\r\nhello\r\n0\r\n\r\n");
    cr_assert(strstr(rig.text, "POST /up HTTP/1.1\r\nHost: a\r\n") == rig.text);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    h2_until(&client, ask.closed);
    cr_assert_eq(ask.closing.error, ERROR_NONE);
    h2_ask_finish(&ask, back);
}

/* The client's window stays shut by what the backend does not take, and opens by what it does. */
Test(h2_request, windows_follow_the_backend)
{
    enum { SIZE = 24 * 1024 * 1024 };
    char *data = calloc(1, SIZE);
    int back = start_upload("client_max_body_size 0;");
    char sink[65536];
    size_t before;

    h2_ask_upload(&ask, data, SIZE, true);
    for (int i = 0; i < 300; i++)
        h2_client_turn(&client);
    before = ask.upload_len;
    cr_assert_gt(before, 0);
    for (int i = 0; i < 50; i++)
        h2_client_turn(&client);
    cr_assert_eq(ask.upload_len, before, "it waits");
    for (int turns = 0; ask.upload_len > 0; turns++) {
        cr_assert_lt(turns, 20000);
        while (recv(back, sink, sizeof(sink), MSG_DONTWAIT) > 0)
            ;
        h2_client_turn(&client);
    }
    h2_ask_finish(&ask, back);
    free(data);
}

Test(h2_request, a_cancelled_one_lets_the_backend_go)
{
    int back = start_upload("");

    h2_ask_upload(&ask, "hello", 5, false);
    h2_client_turn(&client);
    client_expect(&rig, back, "hello");
    h2_reset(ask.handle, H2_CANCEL);
    h2_client_turn(&client);
    client_rest(&rig, back);
    cr_assert_eq(h2_stream_count(client.session), 0);
    h2_ask_finish(&ask, back);
}

Test(h2_request, a_body_that_is_too_large_is_refused)
{
    static const char data[2000] = {0};
    int back = start_upload("client_max_body_size 1k;");

    h2_ask_upload(&ask, data, sizeof(data), false);
    h2_until(&client, ask.closed);
    cr_assert_eq(ask.response.status, 413);
    client_rest(&rig, back);
    h2_ask_finish(&ask, back);
}

Test(h2_request, a_body_that_nobody_wants_holds_up_nothing)
{
    static const char data[512 * 1024] = {0};

    rig_start(&rig, "client_max_body_size 0; return 200 'ok';");
    h2_client_open(&client, &rig);
    for (int i = 0; i < 10; i++) {
        h2_ask_init(&ask, "POST", "/");
        h2_ask_send(&ask, &client, false);
        h2_ask_upload(&ask, data, sizeof(data), true);
        h2_until(&client, ask.closed);
        cr_assert_eq(ask.response.status, 200);
        h2_ask_free(&ask);
    }
    h2_client_close(&client);
    rig_close(&rig);
}

Test(h2_request, a_plain_connect_is_not_ours)
{
    rig_start(&rig, "return 200 'ok';");
    h2_client_open(&client, &rig);
    h2_ask_init(&ask, "GET", "/");
    ask.request.upgrade = SLICE("other");
    h2_until(&client, h2_allows_connect(client.session));
    h2_ask_send(&ask, &client, false);
    h2_until(&client, ask.heads > 0);
    cr_assert_eq(ask.response.status, 501);
    h2_ask_free(&ask);
    h2_client_close(&client);
    rig_close(&rig);
}
