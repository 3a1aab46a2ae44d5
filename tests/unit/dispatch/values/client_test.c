/* SPDX-License-Identifier: MIT */
/* Variables of the client's connection, beside those of values_test.c. */
#include "dispatch/rig.h"

#include <criterion/criterion.h>

#define SHOW "$http2|$ssl_curve|$ssl_alpn_protocol|$tls_handshake_time|$close_reason|$tls_failure"

static const char *shown(struct rig *rig)
{
    rig->lines_len = 0;
    rig_get(rig, "/", "");
    rig_end(rig);
    return rig->lines;
}

Test(client_values, are_those_of_the_handshake)
{
    struct rig rig;
    rig_open(&rig, "log_format f '" SHOW "'; access_log /l f;\n"
                   "server { listen 10.0.0.1:80; return 204; }\n");
    cr_expect_str_eq(shown(&rig), "100:|-|-|-|-|-\n", "without TLS");
    rig.client.is_tls = true;
    rig.client.tls_curve = SLICE("X25519");
    rig.client.tls_alpn = SLICE("http/1.1");
    rig.client.closed = CLOSE_CLIENT_ASKED;
    cr_expect_str_eq(shown(&rig), "100:|X25519|http/1.1|0.250|client_asked|-\n");
    rig_close(&rig);
}

Test(client_values, http2)
{
    struct rig rig;
    rig_open(&rig, "log_format f '$http2 $server_protocol [$request]'; access_log /l f;\n"
                   "server { listen 10.0.0.1:80; return 204; }\n");
    for (unsigned tls = 0; tls < 2; tls++) {
        rig.lines_len = 0;
        rig.client.is_tls = tls == 1;
        rig_get(&rig, "/a?b", "");
        rig.exchange->request.version = HTTP_2;
        rig.exchange->request.line = (struct slice){0};
        rig_end(&rig);
        cr_expect_str_eq(rig.lines, tls ? "100:h2 HTTP/2.0 [GET /a?b HTTP/2.0]\n"
                                        : "100:h2c HTTP/2.0 [GET /a?b HTTP/2.0]\n");
    }
    rig_close(&rig);
}

Test(client_values, connection_time_runs_from_the_accept)
{
    struct rig rig;
    rig_open(&rig, "log_format f '$connection_time'; access_log /l f;\n"
                   "server { listen 10.0.0.1:80; return 204; }\n");
    rig.client.accepted = loop_now(&rig.loop) - 1.5;
    cr_expect(strncmp(shown(&rig), "100:1.5", 7) == 0, "%s", rig.lines);
    rig_close(&rig);
}
