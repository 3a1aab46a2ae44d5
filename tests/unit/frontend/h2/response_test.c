/* SPDX-License-Identifier: MIT */
/* Responses over HTTP/2: interim ones, trailers, heads that say it all, broken ones. */
#include "frontend/h2/client.h"

#include <unistd.h>

static struct rig rig;
static struct h2_client client;
static struct h2_ask ask;

static int start(const char *method)
{
    rig_start_proxy(&rig, "");
    h2_client_open(&client, &rig);
    h2_ask_init(&ask, method, "/");
    h2_ask_send(&ask, &client, true);
    h2_client_turn(&client);
    return server_accept(&rig);
}

Test(h2_response, interim_ones_come_first)
{
    int back = start("GET");

    client_send(&rig, back, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    h2_until(&client, ask.heads == 1);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    h2_until(&client, ask.closed);
    cr_assert_eq(ask.statuses[0], 103);
    cr_assert_eq(ask.statuses[1], 200);
    cr_assert_str_eq(ask.body, "ok");
    h2_ask_finish(&ask, back);
}

Test(h2_response, trailers_follow)
{
    int back = start("GET");

    client_send(&rig, back,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                "2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n");
    h2_until(&client, ask.closed);
    cr_assert_str_eq(ask.body, "ok");
    cr_assert_eq(ask.trailers.count, 1);
    cr_assert(slice_equal(ask.trailers.items[0].value, SLICE("7")));
    h2_ask_finish(&ask, back);
}

Test(h2_response, a_head_without_body_ends_its_stream)
{
    int back = start("HEAD");

    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n");
    h2_until(&client, ask.closed);
    cr_assert_eq(ask.closing.error, ERROR_NONE);
    cr_assert_eq(ask.response.content_length, 77);
    cr_assert_eq(ask.size, 0);
    h2_ask_finish(&ask, back);
}

Test(h2_response, what_is_missing_is_seen)
{
    int back = start("GET");

    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    h2_until(&client, ask.size == 3);
    close(back);
    h2_until(&client, ask.closed);
    cr_assert_eq(ask.closing.code, H2_INTERNAL_ERROR);
    cr_assert(ask.closing.is_by_peer);
    h2_ask_finish(&ask, -1);
}

Test(h2_response, an_early_one_ends_the_request_without_error)
{
    rig_start_proxy(&rig, "");
    h2_client_open(&client, &rig);
    h2_ask_init(&ask, "POST", "/");
    h2_ask_send(&ask, &client, false);
    h2_client_turn(&client);
    int back = server_accept(&rig);
    client_send(&rig, back, "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
    h2_until(&client, ask.closed);
    cr_assert_eq(ask.response.status, 403);
    cr_assert_str_eq(ask.body, "no");
    cr_assert_eq(ask.closing.error, ERROR_NONE);
    h2_ask_finish(&ask, back);
}
