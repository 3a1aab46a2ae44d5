/* SPDX-License-Identifier: MIT */
/* A client connection's life: TLS under it, its ends, and the reason of each. */
#include "frontend/rig.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define TLS_SERVER "server_name acme.test; ssl_certificate acme.crt; ssl_certificate_key acme.key; "
#define GET        "GET / HTTP/1.1\r\nHost: acme.test\r\n\r\n"

static struct rig rig;

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
    client->fd = client_open(&rig);
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    SSL_set_fd(client->ssl, client->fd);
    SSL_set_tlsext_host_name(client->ssl, "acme.test");
    SSL_set_alpn_protos(client->ssl, alpn, sizeof(alpn) - 1);
    rig_until(&rig, SSL_connect(client->ssl) == 1);
}

static void tls_close(struct client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->fd);
}

static void tls_expect(struct client *client, const char *text)
{
    rig.len = 0;
    rig.text[0] = '\0';
    for (int turns = 0; !strstr(rig.text, text); turns++) {
        int got = SSL_read(client->ssl, rig.text + rig.len, 4096);

        cr_assert_lt(turns, 8000);
        if (got > 0)
            rig.len += (size_t)got;
        rig.text[rig.len] = '\0';
        rig_turn(&rig);
    }
}

static void start(const char *rest)
{
    rig_open(&rig);
    rig_make_identity(&rig);
    rig_set_tenant(&rig, "acme", "", rest);
    rig_listen(&rig, "acme");
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
    rig_until(&rig, SSL_shutdown(client.ssl) == 1);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    tls_close(&client);
    rig_close(&rig);
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
    rig_until(&rig, (got = SSL_read(client.ssl, &byte, 1)) <= 0 &&
                        SSL_get_error(client.ssl, got) != SSL_ERROR_WANT_READ);
    cr_assert_eq(SSL_get_error(client.ssl, got), SSL_ERROR_ZERO_RETURN);
    tls_close(&client);
    rig_close(&rig);
}

Test(connection, a_replaced_certificate_tenant_serves_old_connections)
{
    struct client client;

    start(TLS_SERVER "return 200 'one';");
    tls_open(&client);
    cr_assert_gt(SSL_write(client.ssl, GET, sizeof(GET) - 1), 0);
    tls_expect(&client, "one");
    rig_set_tenant(&rig, "acme", "", TLS_SERVER "return 200 'two';");
    cr_assert_gt(SSL_write(client.ssl, GET, sizeof(GET) - 1), 0);
    tls_expect(&client, "two");
    tls_close(&client);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    rig_close(&rig);
}

/* ---- reasons ---- */

static void close_it(int fd)
{
    shutdown(fd, SHUT_WR);
}

static void reset_it(int fd)
{
    const struct linger at_once = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    connect(fd, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr));
}

static void close_idle(int fd)
{
    (void)fd;
    cr_assert(frontend_close_idle(rig.frontend));
}

static void remove_tenant(int fd)
{
    (void)fd;
    frontend_remove_tenant(rig.frontend, SLICE("acme"));
}

static void hand_over_tenant(int fd)
{
    (void)fd;
    frontend_set_drain_limit(rig.frontend, 0.2);
    frontend_hand_over_tenant(rig.frontend, SLICE("acme"));
}

static void remove_listener(int fd)
{
    (void)fd;
    frontend_remove_listener(rig.frontend, RIG_LISTENER, 10);
}

static void drain(int fd)
{
    (void)fd;
    frontend_drain(rig.frontend, 0.2);
}

static void nothing(int fd)
{
    (void)fd;
}

#define ONE   "GET / HTTP/1.1\r\nHost: a\r\n"
#define TAKES "client_header_timeout 1s; "

Test(connection, each_end_has_its_reason)
{
    static const struct {
        const char *server, *request, *response;
        void (*then)(int fd);
        const char *reason;
    } ends[] = {
        {"", ONE "\r\n", "ok", close_it, "client_closed"},
        {"", "GET", NULL, close_it, "client_closed"},
        {"", ONE "\r\n", "ok", reset_it, "client_reset"},
        {"", ONE "Connection: close\r\n\r\n", "ok", nothing, "client_asked"},
        {"keepalive_timeout 1s; ", ONE "\r\n", "ok", nothing, "keepalive_timeout"},
        {"keepalive_requests 1; ", ONE "\r\n", "ok", nothing, "keepalive_requests"},
        {"keepalive_timeout 0; ", ONE "\r\n", "ok", nothing, "keepalive_off"},
        {TAKES, "GET", NULL, nothing, "header_timeout"},
        {TAKES, "", NULL, nothing, "no_request"},
        {"", "GET\r\n\r\n", " 400 ", nothing, "request_refused"},
        {"", ONE "Expect: 100-continue\r\nContent-Length: 9\r\n\r\n", "ok", nothing,
         "request_unread"},
        {"", ONE "\r\n", "ok", close_idle, "shortage"},
        {"", ONE "\r\n", "ok", remove_listener, "listener_removed"},
        {"", ONE "\r\n", "ok", remove_tenant, "tenant_removed"},
        {"", ONE "\r\n", "ok", hand_over_tenant, "tenant_moved"},
        {"", ONE "\r\n", "ok", drain, "draining"},
    };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char line[64];
        int fd;

        rig_open(&rig);
        rig_set_tenant(&rig, "acme", "",
                       arena_printf(&rig.arena, "%sreturn 200 'ok';", ends[i].server).data);
        rig_listen(&rig, "acme");
        rig_watch_log(&rig);
        fd = client_open(&rig);
        client_send(&rig, fd, ends[i].request);
        if (ends[i].response)
            client_expect(&rig, fd, ends[i].response);
        ends[i].then(fd);
        client_rest(&rig, fd);
        close(fd);
        rig_until(&rig, frontend_connections(rig.frontend) == 0);
        snprintf(line, sizeof(line), "client 1: %s: ", ends[i].reason);
        cr_expect(rig_has_logged(&rig, line), "case %zu: no \"%s\"", i, line);
        cr_expect(rig_has_logged(&rig, "client 1: handshake to idle"));
        rig_close(&rig);
    }
}

Test(connection, ends_from_outside_have_their_reason_too)
{
    rig_open(&rig);
    rig_set_tenant(&rig, "acme", "max_connections 1;", "return 200 'ok';");
    rig_listen(&rig, "acme");
    rig_watch_log(&rig);
    int first = client_open(&rig);
    client_send(&rig, first, GET);
    client_expect(&rig, first, "ok");
    int second = client_open(&rig);
    client_send(&rig, second, GET);
    client_expect(&rig, second, "ok");
    cr_expect(rig_has_logged(&rig, "client 1: max_connections: "));
    frontend_free(rig.frontend);
    rig.frontend = NULL;
    cr_expect(rig_has_logged(&rig, "client 2: shutdown: "));
    close(first);
    close(second);
    rig_close(&rig);
}
