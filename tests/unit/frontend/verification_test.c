/* SPDX-License-Identifier: MIT */
/* Clients' certificates: what requests are told, and what a reload ends. */
#include "frontend/rig.h"

#include "base/log.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/mman.h>
#include <unistd.h>

#define TLS      "server_name acme.test; ssl_certificate acme.crt; ssl_certificate_key acme.key; "
#define OFF      TLS
#define OPTIONAL TLS "ssl_verify_client optional_no_ca; "
#define ON       TLS "ssl_verify_client on; ssl_client_certificate acme.crt; "
#define OK       "return 200 'verify=$ssl_client_verify';"
#define GET      "GET / HTTP/1.1\r\nHost: acme.test\r\n\r\n"

static struct rig rig;
static SSL_CTX *context;
static SSL *client;
static int fd;

static void start(const char *server)
{
    rig_open(&rig);
    rig_make_identity(&rig);
    rig_set_tenant(&rig, "acme", "", server);
    rig_listen(&rig, "acme");
    context = SSL_CTX_new(TLS_client_method());
}

static void stop(void)
{
    SSL_free(client);
    SSL_CTX_free(context);
    close(fd);
    rig_close(&rig);
}

static void begin(void)
{
    client = SSL_new(context);
    fd = client_open(&rig);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    SSL_set_fd(client, fd);
    SSL_set_tlsext_host_name(client, "acme.test");
}

static void shake(void)
{
    begin();
    rig_until(&rig, SSL_connect(client) == 1);
}

/* Reads until the text has come, or (NULL) the end. */
static void expect(const char *text)
{
    bool is_over = false;

    rig.len = 0;
    rig.text[0] = '\0';
    for (int turns = 0; text ? !strstr(rig.text, text) : !is_over; turns++) {
        int got = SSL_read(client, rig.text + rig.len, 4096);

        cr_assert(turns < 8000 && !(text && is_over), "no \"%s\" in \"%s\"", text, rig.text);
        if (got > 0)
            rig.len += (size_t)got;
        else
            is_over = SSL_get_error(client, got) != SSL_ERROR_WANT_READ;
        rig.text[rig.len] = '\0';
        rig_turn(&rig);
    }
}

static void ask(void)
{
    cr_assert_gt(SSL_write(client, GET, sizeof(GET) - 1), 0);
}

Test(verification, none_was_asked_for)
{
    start(OFF OK);
    shake();
    ask();
    expect("verify=NONE");
    stop();
}

Test(verification, who_shows_nothing_is_served_where_that_is_allowed)
{
    start(OPTIONAL OK);
    shake();
    for (int i = 0; i < 2; i++) {
        ask();
        expect("verify=NONE");
        cr_expect_null(strstr(rig.text, "Connection: close"));
    }
    stop();
}

Test(verification, who_shows_nothing_is_told_so_where_it_is_not)
{
    start(ON OK);
    shake();
    ask();
    expect(NULL);
    cr_expect(strstr(rig.text, "HTTP/1.1 400 "));
    cr_expect(strstr(rig.text, "Connection: close\r\n"), "only a new handshake helps");
    cr_expect(strstr(rig.text, "400 No required SSL certificate was sent\n"));
    stop();
}

static int lines_about_refusals(int log)
{
    static char text[65536];
    ssize_t len = pread(log, text, sizeof(text) - 1, 0);
    int count = 0;

    text[len > 0 ? len : 0] = '\0';
    for (const char *at = text; (at = strstr(at, "certificate refused: none was sent")); at++)
        count++;
    cr_expect(count == 0 || strstr(text, "tenant acme: client 127.0.0.1: certificate refused"));
    return count;
}

Test(verification, a_refusal_is_told_but_no_client_can_fill_the_log)
{
    int log = memfd_create("log", MFD_CLOEXEC);

    start(ON OK);
    log_set_sink(LOG_SINK_FILE, log);
    log_set_level(LOG_LEVEL_NOTICE);
    for (int i = 0; i < 50; i++) {
        shake();
        ask();
        expect("HTTP/1.1 400 ");
        if (i == 0)
            cr_expect_eq(lines_about_refusals(log), 1);
        SSL_free(client);
        close(fd);
    }
    cr_expect_lt(lines_about_refusals(log), 50);
    begin();
    log_set_sink(LOG_SINK_STDERR, STDERR_FILENO);
    stop();
    close(log);
}

Test(verification, a_change_closes_what_is_idle)
{
    start(OFF OK);
    shake();
    ask();
    expect("verify=NONE");
    rig_set_tenant(&rig, "acme", "", ON OK);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    expect(NULL);
    cr_expect_eq(rig.len, 0);
    stop();
}

Test(verification, a_change_ends_what_runs_after_its_exchange)
{
    rig.server = -1;
    rig_start_proxy(&rig, "");
    uint16_t port = rig.server_port;
    int server = rig.server;
    rig.server = -1;
    rig_close(&rig);

    struct slice text;
    start(OFF OK);
    rig.server = server;
    text = arena_printf(&rig.arena, OFF "location / { proxy_pass http://127.0.0.1:%u; }", port);
    rig_set_tenant(&rig, "acme", "", text.data);
    shake();
    ask();
    int back = server_accept(&rig);
    rig_set_tenant(&rig, "acme", "", OPTIONAL OK);
    ask(); /* behind the other one: it is not served */
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
    expect(NULL);
    cr_expect(strstr(rig.text, "Connection: close\r\n"));
    cr_expect(strstr(rig.text, "\r\n\r\nold"));
    cr_expect_null(strstr(rig.text, "verify="));
    close(back);
    stop();
}

Test(verification, any_other_change_ends_nothing)
{
    start(OPTIONAL OK);
    shake();
    ask();
    expect("verify=NONE");
    rig_set_tenant(&rig, "acme", "", OPTIONAL "return 200 'two';");
    ask();
    expect("two");
    rig_set_tenant(&rig, "acme", "max_connections 7;", OPTIONAL "return 200 'three';");
    ask();
    expect("three");
    stop();
}

Test(verification, a_change_in_the_middle_of_a_handshake_ends_it)
{
    start(OFF OK);
    begin();
    cr_assert_lt(SSL_connect(client), 1); /* its hello is on its way */
    rig_until(&rig, frontend_connections(rig.frontend) == 1);
    rig_set_tenant(&rig, "acme", "", ON OK);
    cr_expect_eq(frontend_connections(rig.frontend), 1);
    rig_until(&rig, SSL_connect(client) == 1);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    SSL_free(client);
    close(fd);
    shake();
    ask();
    expect("400 No required SSL certificate was sent");
    stop();
}

Test(verification, a_drain_in_the_middle_of_a_handshake_is_not_forgotten)
{
    start(OPTIONAL OK);
    begin();
    cr_assert_lt(SSL_connect(client), 1);
    rig_until(&rig, frontend_connections(rig.frontend) == 1);
    frontend_drain(rig.frontend, 30);
    rig_until(&rig, SSL_connect(client) == 1);
    ask();
    expect("verify=NONE");
    cr_expect(strstr(rig.text, "Connection: close\r\n"));
    stop();
}
