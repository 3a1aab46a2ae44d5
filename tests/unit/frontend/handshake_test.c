/* SPDX-License-Identifier: MIT */
/* Handshakes that do not come to their end. */
#include "frontend/gate.h"

#include <unistd.h>

#define TLS_SERVER "server_name acme.test; ssl_certificate acme.crt; ssl_certificate_key acme.key; "
#define GET        "GET / HTTP/1.1\r\nHost: acme.test\r\n\r\n"

static struct gate gate;

static void start(const char *rest)
{
    gate_open(&gate);
    gate_make_identity(&gate);
    gate_set_tenant(&gate, "acme", "", rest);
    gate_listen(&gate, "acme");
}

Test(handshake, plain_http_on_a_tls_listener_ends)
{
    start(TLS_SERVER "return 200 'ok';");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    client_rest(&gate, fd);
    cr_assert_null(strstr(gate.text, "ok"));
    close(fd);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    gate_close(&gate);
}

/* Row H8: ten seconds, whatever else is configured. */
Test(handshake, half_a_handshake_is_closed_within_its_deadline)
{
    start(TLS_SERVER "return 200 'ok';");
    int fd = client_open(&gate);
    client_send_bytes(&gate, fd, "\x16\x03\x01\x02\x00\x01", 6);
    gate_until(&gate, frontend_connections(gate.frontend) == 1);
    double before = loop_now(&gate.loop);
    ev_timer_set(&gate.tick, 0.05, 0.05);
    ev_timer_again(gate.loop.ev, &gate.tick);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    cr_assert_float_eq(loop_now(&gate.loop) - before, 10.0, 0.5);
    close(fd);
    gate_close(&gate);
}
