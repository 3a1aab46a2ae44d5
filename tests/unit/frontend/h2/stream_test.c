/* SPDX-License-Identifier: MIT */
/* Streams come and go: their memory is used again, and what is refused leaves nothing behind. */
#include "frontend/h2/client.h"

static struct rig rig;
static struct h2_client client;

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
