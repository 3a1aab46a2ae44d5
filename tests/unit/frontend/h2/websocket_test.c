/* SPDX-License-Identifier: MIT */
/* WebSocket over HTTP/2: the handshake that HTTP/1.1 has, and the tunnel behind it. */
#include "frontend/h2/client.h"

#include "tls/digest.h"

#include <stdio.h>
#include <unistd.h>

static struct rig rig;
static struct h2_client client;
static struct h2_ask ask;

static int start(void)
{
    rig_start_proxy(&rig, "");
    h2_client_open(&client, &rig);
    h2_until(&client, h2_allows_connect(client.session));
    h2_ask_init(&ask, "GET", "/chat");
    ask.request.upgrade = SLICE("websocket");
    h2_ask_send(&ask, &client, false);
    for (int i = 0; i < 3; i++)
        h2_client_turn(&client);
    return server_accept(&rig);
}

/* What answers the key in rig.text. */
static void make_accept(char accept[WEBSOCKET_ACCEPT + 1])
{
    const char *key = strstr(rig.text, "sec-websocket-key: ");

    cr_assert_not_null(key);
    websocket_accept(key + strlen("sec-websocket-key: "), accept);
}

Test(h2_websocket, is_a_tunnel_with_two_ends)
{
    char accept[WEBSOCKET_ACCEPT + 1], answer[256];
    int back = start();

    client_expect(&rig, back, "\r\n\r\n");
    cr_assert(strstr(rig.text, "GET /chat HTTP/1.1\r\n") == rig.text);
    cr_assert(strstr(rig.text, "Upgrade: websocket\r\n"));
    cr_assert(strstr(rig.text, "sec-websocket-version: 13\r\n"));
    make_accept(accept);
    snprintf(answer, sizeof(answer),
             "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\nhi",
             accept);
    client_send(&rig, back, answer);
    h2_until(&client, ask.size == 2);
    cr_assert_eq(ask.response.status, 200);
    cr_assert_null(http_fields_find_name(&ask.response.fields, SLICE("sec-websocket-accept")));
    h2_ask_upload(&ask, "ping", 4, true);
    h2_client_turn(&client);
    h2_client_turn(&client);
    client_rest(&rig, back);
    cr_assert_str_eq(rig.text, "ping");
    client_send(&rig, back, "bye");
    close(back);
    h2_until(&client, ask.closed);
    cr_assert_str_eq(ask.body, "hibye");
    cr_assert_eq(ask.closing.error, ERROR_NONE);
    h2_ask_finish(&ask, -1);
}

Test(h2_websocket, a_wrong_accept_is_a_bad_gateway)
{
    int back = start();

    rig_watch_log(&rig);
    client_expect(&rig, back, "\r\n\r\n");
    client_send(&rig, back,
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Accept: c29tZXRoaW5nIGVsc2UgYWx0bw==\r\n\r\n");
    h2_until(&client, ask.heads > 0);
    cr_assert_eq(ask.response.status, 502);
    cr_assert(rig_has_logged(&rig, "client 1: HTTP/2: stream 1: response: awaited to ended"));
    client_rest(&rig, back);
    h2_ask_finish(&ask, back);
}

Test(h2_websocket, a_refusal_is_an_ordinary_response)
{
    int back = start();

    client_send(&rig, back, "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
    h2_until(&client, ask.closed);
    cr_assert_eq(ask.response.status, 403);
    cr_assert_str_eq(ask.body, "no");
    h2_ask_finish(&ask, back);
}

Test(h2_websocket, a_backend_that_leaves_ends_the_stream)
{
    char accept[WEBSOCKET_ACCEPT + 1], answer[256];
    int back = start();

    client_expect(&rig, back, "\r\n\r\n");
    make_accept(accept);
    snprintf(answer, sizeof(answer),
             "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             accept);
    client_send(&rig, back, answer);
    h2_until(&client, ask.heads > 0);
    close(back);
    h2_until(&client, ask.ended);
    h2_ask_upload(&ask, "x", 1, true);
    h2_until(&client, ask.closed);
    h2_ask_finish(&ask, -1);
}
