/* SPDX-License-Identifier: MIT */
/* The connection under HTTP/2's streams: many at once, vanishing clients, broken frames. */
#include "frontend/h2/client.h"

#include <unistd.h>

#define COUNT 50

static struct gate gate;
static struct h2_client client;

Test(h2_connection, many_streams_are_answered_over_one)
{
    static struct h2_ask asks[COUNT];

    gate_start(&gate, "return 200 'hello';");
    h2_client_open(&client, &gate);
    for (int i = 0; i < COUNT; i++) {
        h2_ask_init(&asks[i], "GET", "/");
        h2_ask_send(&asks[i], &client, true);
    }
    for (int i = 0; i < COUNT; i++) {
        h2_until(&client, asks[i].closed);
        cr_assert_eq(asks[i].response.status, 200);
        cr_assert_str_eq(asks[i].body, "hello");
        h2_ask_free(&asks[i]);
    }
    cr_assert_eq(frontend_connections(gate.frontend), 1);
    h2_client_close(&client);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    gate_close(&gate);
}

Test(h2_connection, a_client_that_vanishes_takes_its_backends_along)
{
    struct h2_ask ask;

    gate_start_proxy(&gate, "");
    h2_client_open(&client, &gate);
    h2_ask_init(&ask, "GET", "/");
    h2_ask_send(&ask, &client, true);
    h2_client_turn(&client);
    int back = server_accept(&gate);
    client_expect(&gate, back, "\r\n\r\n");
    h2_ask_free(&ask);
    h2_client_close(&client);
    double before = loop_now(&gate.loop);
    client_rest(&gate, back);
    cr_assert_lt(loop_now(&gate.loop) - before, 0.3);
    close(back);
    gate_close(&gate);
}

Test(h2_connection, broken_frames_end_it)
{
    gate_start(&gate, "return 200 'ok';");
    gate_watch_log(&gate);
    int fd = client_open(&gate);
    client_send(&gate, fd, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client_send_bytes(&gate, fd, "\0\0\1\4\0\0\0\0\0x", 10); /* SETTINGS of one byte */
    client_rest(&gate, fd);
    close(fd);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    cr_expect(gate_has_logged(&gate, "client 1: http2_error: "));
    gate_close(&gate);
}

Test(h2_connection, ends_with_the_frontend_in_the_middle)
{
    struct h2_ask ask;

    gate_start_proxy(&gate, "");
    h2_client_open(&client, &gate);
    h2_ask_init(&ask, "GET", "/");
    h2_ask_send(&ask, &client, true);
    h2_client_turn(&client);
    int back = server_accept(&gate);
    gate_close(&gate);
    h2_ask_free(&ask);
    h2_client_close(&client);
    close(back);
}
