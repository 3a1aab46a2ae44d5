/* SPDX-License-Identifier: MIT */
/* The clocks of HTTP/2: stalled streams end alone, silent connections as a whole. */
#include "frontend/h2/client.h"

#include <sys/socket.h>
#include <unistd.h>

static struct rig rig;
static struct h2_client client;
static struct h2_ask ask;

Test(h2_clocks, a_stream_whose_window_stays_shut_ends_alone)
{
    static const char part[65536] = {0};

    rig_start_proxy(&rig, "send_timeout 200ms;");
    h2_client_open(&client, &rig);
    client.is_deaf = true;
    h2_ask_init(&ask, "GET", "/");
    h2_ask_send(&ask, &client, true);
    h2_client_turn(&client);
    int back = server_accept(&rig);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 99000000\r\n\r\n");
    struct rig_watch watch = rig_watch(&rig);
    for (int i = 0; i < 8000 && !ask.closed; i++) {
        client_send_bytes(&rig, back, part, ask.size < 2000000 ? sizeof(part) : 0);
        h2_client_turn(&client);
    }
    cr_assert(ask.closed);
    cr_assert_eq(ask.closing.code, H2_CANCEL);
    rig_expect_took(&rig, &watch, 0, 3);
    cr_assert_not(client.ended);
    h2_ask_free(&ask);
    h2_client_close(&client);
    close(back);
    rig_close(&rig);
}

static int open_download(struct h2_ask *download)
{
    h2_ask_init(download, "GET", "/");
    h2_ask_send(download, &client, true);
    h2_client_turn(&client);
    int back = server_accept(&rig);

    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 9900000000\r\n\r\n");
    return back;
}

Test(h2_clocks, a_stream_that_flows_does_not_shield_one_that_stands)
{
    static const char part[1 << 20] = {0};
    static struct h2_ask flowing;
    double until;

    rig_start_proxy(&rig, "send_timeout 400ms;");
    h2_client_open(&client, &rig);
    int backs[] = {open_download(&ask), open_download(&flowing)};
    ask.is_deaf = true;
    until = loop_now(&rig.loop) + 4;
    while (!ask.closed && loop_now(&rig.loop) < until) {
        for (int i = 0; i < 2; i++)
            (void)!send(backs[i], part, sizeof(part), MSG_DONTWAIT | MSG_NOSIGNAL);
        h2_client_turn(&client);
    }
    cr_assert(ask.closed);
    cr_assert_eq(ask.closing.code, H2_CANCEL);
    cr_assert_not(flowing.closed);
    cr_assert_gt(flowing.size, 2 * ask.size);
    h2_ask_free(&ask);
    h2_ask_free(&flowing);
    h2_client_close(&client);
    close(backs[0]);
    close(backs[1]);
    rig_close(&rig);
}

Test(h2_clocks, a_body_that_does_not_come_is_told_408)
{
    rig_start_proxy(&rig, "client_body_timeout 200ms;");
    h2_client_open(&client, &rig);
    h2_ask_init(&ask, "POST", "/");
    h2_ask_send(&ask, &client, false);
    h2_until(&client, ask.closed);
    cr_assert_eq(ask.response.status, 408);
    h2_ask_free(&ask);
    h2_client_close(&client);
    rig_close(&rig);
}

Test(h2_clocks, who_asks_nothing_is_sent_away)
{
    rig_start(&rig, "client_header_timeout 100ms; return 200 'ok';");
    h2_client_open(&client, &rig);
    h2_until(&client, client.ended);
    cr_assert_eq(client.goaways, 1);
    h2_client_close(&client);
    rig_close(&rig);
}

Test(h2_clocks, who_asks_no_more_is_sent_away)
{
    rig_start(&rig, "keepalive_timeout 100ms; return 200 'ok';");
    h2_client_open(&client, &rig);
    cr_assert_eq(h2_ask_simply(&client, "/"), 200);
    cr_assert_eq(h2_ask_simply(&client, "/"), 200);
    h2_until(&client, client.ended);
    cr_assert_eq(client.goaways, 1);
    h2_client_close(&client);
    rig_close(&rig);
}
