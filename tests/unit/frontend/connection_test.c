/* SPDX-License-Identifier: MIT */
/* A client connection's life: TLS under it, and its ends. */
#include "frontend/gate.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <unistd.h>

#define TLS_SERVER "server_name acme.test; ssl_certificate acme.crt; ssl_certificate_key acme.key; "
#define GET        "GET / HTTP/1.1\r\nHost: acme.test\r\n\r\n"

static struct gate gate;

struct client {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

static void tls_open(struct client *client)
{
    static const unsigned char alpn[] = "\x08http/1.1";

    client->context = SSL_CTX_new(TLS_client_method());
    client->ssl = SSL_new(client->context);
    client->fd = client_open(&gate);
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    SSL_set_fd(client->ssl, client->fd);
    SSL_set_tlsext_host_name(client->ssl, "acme.test");
    SSL_set_alpn_protos(client->ssl, alpn, sizeof(alpn) - 1);
    gate_until(&gate, SSL_connect(client->ssl) == 1);
}

static void tls_close(struct client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->fd);
}

static void tls_expect(struct client *client, const char *text)
{
    gate.len = 0;
    gate.text[0] = '\0';
    for (int turns = 0; !strstr(gate.text, text); turns++) {
        int got = SSL_read(client->ssl, gate.text + gate.len, 4096);

        cr_assert_lt(turns, 8000);
        if (got > 0)
            gate.len += (size_t)got;
        gate.text[gate.len] = '\0';
        gate_turn(&gate);
    }
}

static void start(const char *rest)
{
    gate_open(&gate);
    gate_make_identity(&gate);
    gate_set_tenant(&gate, "acme", "", rest);
    gate_listen(&gate, "acme");
}

Test(connection, speaks_http_over_tls)
{
    struct client client;

    start(TLS_SERVER "return 200 '$scheme $ssl_protocol $ssl_server_name $remote_addr';");
    tls_open(&client);
    for (int i = 0; i < 3; i++) {
        cr_assert_gt(SSL_write(client.ssl, GET, sizeof(GET) - 1), 0);
        tls_expect(&client, "https TLSv1.3 acme.test 127.0.0.1");
    }
    SSL_shutdown(client.ssl);
    gate_until(&gate, SSL_shutdown(client.ssl) == 1);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    tls_close(&client);
    gate_close(&gate);
}

Test(connection, an_idle_tls_connection_is_closed_with_close_notify)
{
    struct client client;
    char byte;
    int got = -1;

    start(TLS_SERVER "keepalive_timeout 1s; return 200 'ok';");
    tls_open(&client);
    cr_assert_gt(SSL_write(client.ssl, GET, sizeof(GET) - 1), 0);
    tls_expect(&client, "ok");
    gate_until(&gate, (got = SSL_read(client.ssl, &byte, 1)) <= 0 &&
                          SSL_get_error(client.ssl, got) != SSL_ERROR_WANT_READ);
    cr_assert_eq(SSL_get_error(client.ssl, got), SSL_ERROR_ZERO_RETURN);
    tls_close(&client);
    gate_close(&gate);
}

Test(connection, a_replaced_certificate_tenant_serves_old_connections)
{
    struct client client;

    start(TLS_SERVER "return 200 'one';");
    tls_open(&client);
    cr_assert_gt(SSL_write(client.ssl, GET, sizeof(GET) - 1), 0);
    tls_expect(&client, "one");
    gate_set_tenant(&gate, "acme", "", TLS_SERVER "return 200 'two';");
    cr_assert_gt(SSL_write(client.ssl, GET, sizeof(GET) - 1), 0);
    tls_expect(&client, "two");
    tls_close(&client);
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    gate_close(&gate);
}

Test(connection, plain_http_on_a_tls_listener_ends)
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
Test(connection, half_a_handshake_is_closed_within_its_deadline)
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
