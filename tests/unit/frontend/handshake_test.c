/* SPDX-License-Identifier: MIT */
/* Handshakes that do not come to their end. */
#include "frontend/rig.h"

#include <unistd.h>

#define TLS_SERVER "server_name acme.test; ssl_certificate acme.crt; ssl_certificate_key acme.key; "
#define GET        "GET / HTTP/1.1\r\nHost: acme.test\r\n\r\n"

static struct rig rig;

static void start(const char *rest)
{
    rig_open(&rig);
    rig_make_identity(&rig);
    rig_set_tenant(&rig, "acme", "", rest);
    rig_listen(&rig, "acme");
}

Test(handshake, plain_http_on_a_tls_listener_ends)
{
    start(TLS_SERVER "return 200 'ok';");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    client_rest(&rig, fd);
    cr_assert_null(strstr(rig.text, "ok"));
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

/* Row H8: ten seconds, whatever else is configured. */
Test(handshake, half_a_handshake_is_closed_within_its_deadline)
{
    start(TLS_SERVER "return 200 'ok';");
    int fd = client_open(&rig);
    client_send_bytes(&rig, fd, "\x16\x03\x01\x02\x00\x01", 6);
    rig_until(&rig, frontend_connections(rig.frontend) == 1);
    struct rig_watch watch = rig_watch(&rig);
    ev_timer_set(&rig.tick, 0.05, 0.05);
    ev_timer_again(rig.loop.ev, &rig.tick);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_expect_took(&rig, &watch, 9.5, 10.5);
    close(fd);
    rig_close(&rig);
}
