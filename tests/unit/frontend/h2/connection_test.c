/* SPDX-License-Identifier: MIT */
/* The connection under HTTP/2's streams: many at once, vanishing clients, broken frames. */
#include "frontend/h2/client.h"

#include "io/socket.h"

#include <unistd.h>

#define COUNT 50

static struct rig rig;
static struct h2_client client;

Test(h2_connection, many_streams_are_answered_over_one)
{
    static struct h2_ask asks[COUNT];

    rig_start(&rig, "return 200 'hello';");
    h2_client_open(&client, &rig);
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
    cr_assert_eq(frontend_connections(rig.frontend), 1);
    h2_client_close(&client);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

Test(h2_connection, a_client_that_vanishes_takes_its_backends_along)
{
    struct h2_ask ask;

    rig_start_proxy(&rig, "");
    h2_client_open(&client, &rig);
    h2_ask_init(&ask, "GET", "/");
    h2_ask_send(&ask, &client, true);
    h2_client_turn(&client);
    int back = server_accept(&rig);
    client_expect(&rig, back, "\r\n\r\n");
    h2_ask_free(&ask);
    h2_client_close(&client);
    struct rig_watch watch = rig_watch(&rig);
    client_rest(&rig, back);
    rig_expect_took(&rig, &watch, 0, 0.3);
    close(back);
    rig_close(&rig);
}

/* They end in pieces. What the servers say meanwhile finds nobody. */
static void lose(bool by_reset)
{
    static struct h2_ask asks[COUNT];
    int backs[3];

    rig_start_proxy(&rig, "");
    h2_client_open(&client, &rig);
    for (int i = 0; i < COUNT; i++) {
        h2_ask_init(&asks[i], "GET", "/");
        h2_ask_send(&asks[i], &client, true);
    }
    h2_client_turn(&client);
    for (int i = 0; i < 3; i++) {
        backs[i] = server_accept(&rig);
        client_expect(&rig, backs[i], "\r\n\r\n");
    }
    client_send(&rig, backs[2], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
    for (int i = 0; i < COUNT; i++)
        h2_ask_free(&asks[i]);
    if (by_reset)
        socket_reset_on_close(client.fd);
    h2_client_close(&client);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    client_rest(&rig, backs[0]);
    for (int i = 0; i < 3; i++)
        close(backs[i]);
    rig_close(&rig);
}

Test(h2_connection, many_streams_end_with_their_client)
{
    lose(false);
}

Test(h2_connection, many_streams_end_with_a_reset)
{
    lose(true);
}

Test(h2_connection, broken_frames_end_it)
{
    rig_start(&rig, "return 200 'ok';");
    rig_watch_log(&rig);
    int fd = client_open(&rig);
    client_send(&rig, fd, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client_send_bytes(&rig, fd, "\0\0\1\4\0\0\0\0\0x", 10); /* SETTINGS of one byte */
    client_rest(&rig, fd);
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    cr_expect(rig_has_logged(&rig, "client 1: http2_error: "));
    rig_close(&rig);
}

Test(h2_connection, ends_with_the_frontend_in_the_middle)
{
    struct h2_ask ask;

    rig_start_proxy(&rig, "");
    h2_client_open(&client, &rig);
    h2_ask_init(&ask, "GET", "/");
    h2_ask_send(&ask, &client, true);
    h2_client_turn(&client);
    int back = server_accept(&rig);
    rig_close(&rig);
    h2_ask_free(&ask);
    h2_client_close(&client);
    close(back);
}
