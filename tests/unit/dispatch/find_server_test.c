/* SPDX-License-Identifier: MIT */
/* Servers by host, 421, and what is refused before any backend is asked. */
#include "rig.h"

#include <criterion/criterion.h>

#include <stdio.h>

static const char two_servers[] =
    "server { listen 10.0.0.1:443 ssl; server_name a.test *.both.test;\n"
    "  ssl_certificate certs/a.crt; ssl_certificate_key certs/a.key;\n"
    "  return 200 a; }\n"
    "server { listen 10.0.0.1:443 ssl; server_name b.test;\n"
    "  ssl_certificate certs/b.crt; ssl_certificate_key certs/b.key;\n"
    "  return 200 b; }\n"
    "server { listen 10.0.0.1:443 ssl; server_name c.test;\n"
    "  ssl_certificate certs/a.crt; ssl_certificate_key certs/a.key;\n"
    "  return 200 c; }\n"
    "server { listen 10.0.0.1:443 ssl; server_name d.test;\n"
    "  ssl_certificate certs/a.crt; ssl_certificate_key certs/a.key;\n"
    "  ssl_certificate certs/b.crt; ssl_certificate_key certs/b.key;\n"
    "  return 200 d; }\n";

static void shake_hands(struct rig *rig, const char *server_name)
{
    rig->client.is_tls = true;
    rig->client.tls_server_name = slice_of(server_name);
    rig->origin.handshake = &rig->tenant->servers[0].tls;
    rig->origin.sent_server_name = server_name[0] != '\0';
}

static void get_host(struct rig *rig, const char *host)
{
    char text[256];
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    rig_send(rig, text);
}

Test(find_server, misdirected_only_where_certificates_differ)
{
    static const struct {
        const char *named, *host;
        int status;
        const char *body;
    } cases[] = {
        {"a.test", "a.test", 200, "a"},
        {"a.test", "A.TEST:443", 200, "a"},
        {"A.Test.", "a.test", 200, "a"},
        {"a.test", "b.test", 421, "421 Misdirected Request\n"},
        {"b.test", "a.test", 421, NULL},
        {"a.test", "c.test", 200, "c"},
        {"c.test", "a.test", 200, "a"},
        {"a.test", "d.test", 421, NULL},
        {"d.test", "a.test", 421, NULL},
        {"x.both.test", "y.both.test", 200, "a"},
        {"a.test", "unknown.test", 200, "a"},
        {"b.test", "unknown.test", 200, "a"}, /* the default server's, as in nginx */
        {"c.test", "unknown.test:8443", 200, "a"},
        {"x.both.test", "both.test", 200, "a"},
        {"unknown.test", "other.test", 200, "a"},
        {"unknown.test", "b.test", 421, NULL}, /* the default server's certificate was shown */
        {"b.test", "10.0.0.1", 200, "a"},
        {"", "b.test", 200, "b"}, /* no server name was sent */
        {"", "unknown.test", 200, "a"},
    };
    struct rig rig;
    rig_open(&rig, two_servers);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        shake_hands(&rig, cases[i].named);
        get_host(&rig, cases[i].host);
        cr_expect_eq(rig.seen.status, cases[i].status, "%s then %s: %d", cases[i].named,
                     cases[i].host, rig.seen.status);
        if (cases[i].body)
            cr_expect_str_eq(rig_body_text(&rig), cases[i].body);
    }
    rig_close(&rig);
}

Test(find_server, without_a_host_the_default_server_answers)
{
    struct rig rig;
    rig_open(&rig, two_servers);
    for (int is_named = 0; is_named < 2; is_named++) {
        shake_hands(&rig, is_named ? "b.test" : "");
        rig_send(&rig, "GET / HTTP/1.0\r\n\r\n");
        cr_expect_eq(rig.seen.status, 200);
        cr_expect_str_eq(rig_body_text(&rig), "a");
    }
    rig_close(&rig);
}

Test(find_server, the_default_server_is_a_wall_for_every_kind_of_name)
{
    static const char walled[] =
        "server { listen 10.0.0.1:443 ssl; server_name *.wild.test;\n"
        "  ssl_certificate certs/a.crt; ssl_certificate_key certs/a.key; return 200 wild; }\n"
        "server { listen 10.0.0.1:443 ssl; server_name ~^r[0-9]\\.test$ trail.*;\n"
        "  ssl_certificate certs/a.crt; ssl_certificate_key certs/a.key; return 200 regex; }\n"
        "server { listen 10.0.0.1:443 ssl; server_name .dot.test;\n"
        "  ssl_certificate certs/a.crt; ssl_certificate_key certs/a.key; return 200 dot; }\n"
        "server { listen 10.0.0.1:443 ssl default_server; server_name _;\n"
        "  ssl_certificate certs/b.crt; ssl_certificate_key certs/b.key; return 403 wall; }\n";
    static const char *const names[] = {"x.wild.test", "r1.test", "trail.org", "dot.test", ""};
    static const char *const forged[] = {"evil.test", "wild.test", "r10.test", "x.r1.test",
                                         "[::1]"};
    struct rig rig;
    rig_open(&rig, walled);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t j = 0; j < sizeof forged / sizeof forged[0]; j++) {
            shake_hands(&rig, names[i]);
            get_host(&rig, forged[j]);
            cr_expect_eq(rig.seen.status, 403, "%s, %s: %d", names[i], forged[j], rig.seen.status);
        }
        if (names[i][0]) {
            get_host(&rig, names[i]);
            cr_expect_eq(rig.seen.status, 200, "%s: %d", names[i], rig.seen.status);
        }
    }
    rig_close(&rig);
}

Test(find_server, a_server_for_requests_without_a_host_goes_before_the_default)
{
    struct rig rig;
    rig_open(&rig, "server { listen 80; server_name a.test; return 200 a; }\n"
                   "server { listen 80; server_name \"\"; return 200 nameless; }\n");
    rig_send(&rig, "GET / HTTP/1.0\r\n\r\n");
    cr_expect_str_eq(rig_body_text(&rig), "nameless");
    get_host(&rig, "b.test");
    cr_expect_str_eq(rig_body_text(&rig), "a");
    rig_close(&rig);
}

Test(find_server, plain_text_is_never_misdirected)
{
    struct rig rig;
    rig_open(&rig, two_servers);
    rig.client.tls_server_name = SLICE("");
    get_host(&rig, "b.test");
    cr_assert_eq(rig.seen.status, 200);
    rig_close(&rig);
}

/* ---- clients' certificates ---- */

static void ask_of(struct rig *rig, uint32_t server, unsigned char demands)
{
    rig->tenant->servers[server].tls.verification.hash[0] = demands;
}

Test(find_server, misdirected_where_clients_are_verified_otherwise)
{
    struct rig rig;
    rig_open(&rig, two_servers);
    ask_of(&rig, 2, 1);
    for (int is_named = 0; is_named < 2; is_named++) {
        shake_hands(&rig, is_named ? "a.test" : "");
        get_host(&rig, "c.test");
        cr_expect_eq(rig.seen.status, 421, "whether or not a name was sent");
        get_host(&rig, "a.test");
        cr_expect_eq(rig.seen.status, 200);
    }
    ask_of(&rig, 0, 1);
    shake_hands(&rig, "a.test");
    get_host(&rig, "c.test");
    cr_expect_eq(rig.seen.status, 200, "both ask the same");
    rig_close(&rig);
}

Test(find_server, the_fallback_to_the_default_server_keeps_what_is_asked_of_clients)
{
    struct rig rig;
    rig_open(&rig, two_servers);
    ask_of(&rig, 0, 1);
    for (int is_verified = 0; is_verified < 2; is_verified++) {
        shake_hands(&rig, "b.test");
        rig.origin.handshake = &rig.tenant->servers[is_verified ? 0 : 1].tls;
        get_host(&rig, "unknown.test");
        cr_expect_eq(rig.seen.status, is_verified ? 200 : 421);
        rig_send(&rig, "GET / HTTP/1.0\r\n\r\n");
        cr_expect_eq(rig.seen.status, is_verified ? 200 : 421);
    }
    rig_close(&rig);
}

Test(find_server, misdirected_when_the_handshake_asked_for_something_else)
{
    struct tls_server before = {.verification = {.hash = {7}}};
    struct rig rig;
    rig_open(&rig, two_servers);
    shake_hands(&rig, "a.test");
    rig.origin.handshake = &before;
    get_host(&rig, "a.test");
    cr_expect_eq(rig.seen.status, 421);
    rig_close(&rig);
}

Test(find_server, certificates_that_are_missing_or_bad_are_told_as_nginx_does)
{
    struct rig rig;
    rig_open(&rig, two_servers);
    shake_hands(&rig, "a.test");
    rig.client.tls_client_error = ERROR_NO_CERTIFICATE;
    get_host(&rig, "a.test");
    cr_expect_eq(rig.seen.status, 400);
    cr_expect_str_eq(rig_body_text(&rig), "400 No required SSL certificate was sent\n");
    rig.client.tls_client_error = ERROR_BAD_CERTIFICATE;
    rig.client.tls_client_verify = SLICE("FAILED:certificate has expired");
    get_host(&rig, "a.test");
    cr_expect_eq(rig.seen.status, 400);
    cr_expect_str_eq(rig_body_text(&rig), "400 The SSL certificate error\n");
    cr_expect(slice_equal(rig.exchange->reason, SLICE("FAILED:certificate has expired")));
    rig_close(&rig);
}

Test(find_server, server_return_goes_first)
{
    struct rig rig;
    rig_open(&rig, rig_places);
    get_host(&rig, "closed.test");
    cr_assert_eq(rig.seen.status, 403);
    cr_assert_str_eq(rig_body_text(&rig), "403 Forbidden\n");
    rig_close(&rig);
}
