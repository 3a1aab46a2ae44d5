/* SPDX-License-Identifier: MIT */
/* max_memory: connections count; idle ones make room, without them new ones wait and are served
 * later. */
#include "frontend/rig.h"

#include <unistd.h>

#define GET   "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define MOST  33 /* of 16 KiB each: when so many are there, half of the bound is passed */
#define CROWD 40

static struct rig rig;
static int clients[CROWD];

static void start(const char *extra)
{
    rig_open(&rig);
    rig_watch_log(&rig);
    rig_set_tenant(&rig, "acme", extra, "return 200 'ok';");
    rig_listen(&rig, "acme");
}

static void stop(void)
{
    for (unsigned i = 0; i < CROWD; i++)
        close(clients[i]);
    rig_close(&rig);
}

Test(memory, new_ones_wait_and_are_served_later)
{
    start("max_memory 1m;");
    for (unsigned i = 0; i < CROWD; i++) {
        clients[i] = client_open(&rig);
        client_send(&rig, clients[i], "GET / ");
    }
    rig_run(&rig, 0.3);
    cr_assert_eq(frontend_connections(rig.frontend), MOST);
    cr_assert(rig_has_logged(&rig, "tenant acme: max_memory: new connections wait"));
    for (unsigned i = 0; i < CROWD; i++) {
        client_send(&rig, clients[i], "HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        client_rest(&rig, clients[i]);
        cr_assert_not_null(strstr(rig.text, "ok"), "client %u", i);
    }
    stop();
}

Test(memory, an_idle_connection_makes_room)
{
    start("max_memory 1m;");
    for (unsigned i = 0; i < CROWD; i++) {
        clients[i] = client_open(&rig);
        client_send(&rig, clients[i], GET);
        client_expect(&rig, clients[i], "ok");
    }
    cr_assert_eq(frontend_connections(rig.frontend), MOST);
    client_rest(&rig, clients[0]);
    client_send(&rig, clients[CROWD - 1], GET);
    client_expect(&rig, clients[CROWD - 1], "ok");
    stop();
}

Test(memory, another_bound_counts_at_once)
{
    start("max_memory 1m;");
    for (unsigned i = 0; i < CROWD; i++) {
        clients[i] = client_open(&rig);
        client_send(&rig, clients[i], "GET / ");
    }
    rig_until(&rig, frontend_connections(rig.frontend) == MOST);
    rig_set_tenant(&rig, "acme", "max_memory 2m;", "return 200 'ok';");
    rig_until(&rig, frontend_connections(rig.frontend) == CROWD);
    stop();
}

Test(memory, without_it_all_come)
{
    start("");
    for (unsigned i = 0; i < CROWD; i++) {
        clients[i] = client_open(&rig);
        client_send(&rig, clients[i], "GET / ");
    }
    rig_until(&rig, frontend_connections(rig.frontend) == CROWD);
    cr_assert(!rig_has_logged(&rig, "max_memory"));
    stop();
}
