/* SPDX-License-Identifier: MIT */
/* Graceful ends: GOAWAY twice, and no request lost. */
#include "frontend/h2/client.h"

#include <unistd.h>

#define ANNOUNCEMENT 2147483647u

static struct rig rig;
static struct h2_client client;

Test(h2_goaway, a_drain_announces_finishes_and_closes)
{
    struct h2_ask ask;

    rig_start_proxy(&rig, "");
    h2_client_open(&client, &rig);
    h2_ask_init(&ask, "GET", "/");
    h2_ask_send(&ask, &client, true);
    h2_client_turn(&client);
    int back = server_accept(&rig);
    frontend_drain(rig.frontend, 30);
    h2_until(&client, client.goaways == 2);
    cr_assert_eq(client.last[0], ANNOUNCEMENT);
    cr_assert_eq(client.last[1], 1);
    cr_assert_eq(rig.drained, 0);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    h2_until(&client, ask.closed);
    cr_assert_str_eq(ask.body, "ok");
    h2_until(&client, client.ended);
    h2_ask_free(&ask);
    h2_client_close(&client);
    rig_until(&rig, rig.drained == 1);
    close(back);
    rig_close(&rig);
}

Test(h2_goaway, an_idle_connection_is_drained)
{
    rig_start(&rig, "return 200 'ok';");
    h2_client_open(&client, &rig);
    cr_assert_eq(h2_ask_simply(&client, "/"), 200);
    frontend_drain(rig.frontend, 30);
    h2_until(&client, client.ended);
    cr_assert_eq(client.last[0], ANNOUNCEMENT);
    h2_client_close(&client);
    rig_until(&rig, rig.drained == 1);
    rig_close(&rig);
}

Test(h2_goaway, who_has_asked_nothing_may_ask_once)
{
    rig_start(&rig, "return 200 'ok';");
    h2_client_open(&client, &rig);
    frontend_drain(rig.frontend, 30);
    for (int i = 0; i < 20; i++)
        h2_client_turn(&client);
    cr_assert_eq(client.goaways, 0);
    cr_assert_eq(h2_ask_simply(&client, "/"), 200);
    h2_until(&client, client.ended);
    h2_client_close(&client);
    rig_close(&rig);
}

Test(h2_goaway, a_removed_tenant_closes_what_is_idle)
{
    rig_start(&rig, "return 200 'ok';");
    h2_client_open(&client, &rig);
    cr_assert_eq(h2_ask_simply(&client, "/"), 200);
    frontend_remove_tenant(rig.frontend, SLICE("acme"));
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    h2_until(&client, client.ended);
    cr_assert_eq(client.goaways, 1);
    h2_client_close(&client);
    rig_close(&rig);
}

Test(h2_goaway, the_last_of_keepalive_requests_begins_it)
{
    rig_start(&rig, "keepalive_requests 2; return 200 'ok';");
    rig_watch_log(&rig);
    h2_client_open(&client, &rig);
    cr_assert_eq(h2_ask_simply(&client, "/"), 200);
    cr_assert_eq(h2_ask_simply(&client, "/"), 200);
    h2_until(&client, client.ended);
    cr_assert_eq(client.last[0], ANNOUNCEMENT); /* without streams, nghttp2 hears no more */
    h2_client_close(&client);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    cr_expect(rig_has_logged(&rig, "client 1: keepalive_requests: "));
    cr_expect(rig_has_logged(&rig, "goaway none to announced: keepalive_requests"));
    cr_expect(rig_has_logged(&rig, "goaway announced to final: keepalive_requests"));
    rig_close(&rig);
}

Test(h2_goaway, who_has_asked_nothing_is_not_waited_for_long)
{
    rig_start(&rig, "return 200 'ok';");
    h2_client_open(&client, &rig);
    struct rig_watch watch = rig_watch(&rig);
    frontend_drain(rig.frontend, 0.6);
    h2_until(&client, client.ended);
    rig_expect_took(&rig, &watch, 0.1, 0.5);
    cr_assert_eq(client.goaways, 1);
    h2_client_close(&client);
    rig_until(&rig, rig.drained == 1);
    rig_close(&rig);
}

Test(h2_goaway, streams_of_a_closed_listener_are_cut_in_the_end)
{
    struct h2_ask ask;

    rig_start_proxy(&rig, "");
    h2_client_open(&client, &rig);
    h2_ask_init(&ask, "GET", "/");
    h2_ask_send(&ask, &client, true);
    h2_client_turn(&client);
    int back = server_accept(&rig);
    frontend_remove_listener(rig.frontend, RIG_LISTENER, 0.2);
    h2_until(&client, client.goaways == 2);
    h2_until(&client, client.ended);
    cr_assert_eq(frontend_connections(rig.frontend), 0);
    h2_ask_free(&ask);
    h2_client_close(&client);
    close(back);
    rig_close(&rig);
}
