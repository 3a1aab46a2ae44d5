/* SPDX-License-Identifier: MIT */
/* Opening connections: what comes out of connect, TLS and ALPN, and how they fail. */
#include "rig.h"

#include "tls/client.h"

#include "backend/link_internal.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

#include <net/if.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static struct rig rig;
static struct tls_contexts *contexts;
static struct arena arena;
static struct diag_list diags;
static const struct diag_place place = {"test", 1, 1};

/* The server's side: self-signed for "app.test". */
static struct tls_identity *identity;
static struct tls_server server;
static struct tls_trust *trust;
static struct stream *peer;

static struct backend_connection connection;

/* What the link told. */
static struct stream *opened;
static enum link_protocol protocol;
static enum error failed;
static char reason[256];

static struct slice pem_of(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    struct slice text = arena_slice(&arena, (struct slice){data, (size_t)len});
    BIO_free(bio);
    return text;
}

static void make_identity(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"app.test", -1, -1,
                               0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    cr_assert(X509_sign(certificate, key, EVP_sha256()) > 0);

    BIO *certificate_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(certificate_bio, certificate);
    PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
    struct slice certificate_pem = pem_of(certificate_bio), *trusted;
    struct tls_der *der = ARENA_NEW(&arena, struct tls_der);
    uint32_t count;
    cr_assert_eq(tls_examine(&arena,
                             &(struct tls_pem_pair){.certificate = {certificate_pem, place},
                                                    .key = {pem_of(key_bio), place}},
                             time(NULL), der, &diags),
                 0);
    cr_assert_eq(tls_examine_trusted(&arena, &(struct tls_pem){certificate_pem, place}, &trusted,
                                     &count, &diags),
                 0);
    identity = tls_identity_new(der);
    trust = tls_trust_new(trusted, count);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void setup(void)
{
    const struct tls_policy policy = {0};
    rig_init(&rig, 1);
    arena_init(&arena, 4096);
    diag_list_init(&diags);
    contexts = tls_contexts_new();
    make_identity();
    server.context = tls_context_get(contexts, &policy, &diags);
    server.identities = &identity;
    server.identity_count = 1;
}

static void teardown(void)
{
    stream_close(opened);
    stream_close(peer);
    rig_turn(&rig);
    rig_free(&rig);
    tls_trust_unref(trust);
    tls_identity_free(identity);
    tls_contexts_free(contexts);
    diag_list_free(&diags);
    arena_free(&arena);
}

TestSuite(link, .init = setup, .fini = teardown);

/* The upstream is reached over TLS from now on. */
static void use_tls(bool http2)
{
    static struct config_transport transport;
    const struct tls_policy policy = {0};
    transport = (struct config_transport){.is_tls = true, .http2 = http2};
    rig.upstream_config.transport = &transport;
    rig.upstream.tls = (struct tls_client){
        .context = tls_client_context_get(contexts, &policy, &diags),
        .verify = true,
        .offers_http2 = http2,
        .reuses_sessions = true,
        .verify_depth = 1,
        .name = SLICE("app.test"),
        .trust = trust,
    };
    rig.upstream.identity = SLICE("app\0tls");
}

/* ---- the two sides ---- */

static void on_nothing(void *owner)
{
    (void)owner;
}

static void on_peer_readable(void *owner)
{
    (void)owner;
    stream_pause(peer);
}

static void on_stream_failed(void *owner, enum error error)
{
    struct stream **stream = owner;
    (void)error;
    stream_close(*stream);
    *stream = NULL;
}

static const struct stream_events peer_events = {.on_open = on_nothing,
                                                 .on_readable = on_peer_readable,
                                                 .on_writable = on_nothing,
                                                 .on_failed = on_stream_failed};

static const struct tls_server *on_select(void *argument, struct slice name)
{
    (void)argument;
    (void)name;
    return &server;
}

static void serve_tls(void)
{
    const struct tls_accept accept = {.select = on_select};
    peer = stream_new(&rig.loop, server_accept(&rig, 0), &peer_events, &peer);
    tls_accept(peer, server.context, &accept);
}

static void on_open(struct backend_connection *owner, struct stream *stream,
                    enum link_protocol chosen)
{
    cr_assert_eq(owner, &connection);
    opened = stream;
    protocol = chosen;
    stream_set_owner(stream, &peer_events, &opened);
    stream_pause(stream);
}

static void on_failed(struct backend_connection *owner, enum error error, struct slice why)
{
    cr_assert_eq(owner, &connection);
    failed = error;
    snprintf(reason, sizeof(reason), "%.*s", SLICE_PRINTF(why));
}

static const struct link_events events = {.on_open = on_open, .on_failed = on_failed};

static struct backend_link *open_link(double seconds)
{
    backends_bind(rig.backends, &rig.tenant);
    connection.endpoint = rig_group(&rig)->endpoints[0];
    connection.protocol = connection.endpoint->group->backends->http2;
    struct backend_link *link = link_open(&connection, seconds, &events);
    cr_assert_not_null(link);
    cr_assert(opened == NULL && failed == 0, "not before it returns");
    return link;
}

/* ---- the tests ---- */

Test(link, without_tls)
{
    static const struct config_transport transport = {.http2 = true};
    open_link(5);
    RIG_UNTIL(&rig, opened != NULL);
    cr_assert_eq(protocol, LINK_HTTP_1);
    stream_close(opened);
    opened = NULL;
    rig.upstream_config.transport = &transport;
    rig.upstream.identity = SLICE("app\0h2");
    open_link(5);
    RIG_UNTIL(&rig, opened != NULL);
    cr_assert_eq(protocol, LINK_HTTP_2, "prior knowledge");
}

Test(link, a_verified_server)
{
    use_tls(false);
    open_link(5);
    serve_tls();
    RIG_UNTIL(&rig, opened != NULL);
    cr_assert_eq(protocol, LINK_HTTP_1);
    cr_assert_str_eq(tls_protocol(opened), "TLSv1.3");
}

Test(link, alpn_chooses_the_protocol)
{
    use_tls(true);
    open_link(5);
    serve_tls();
    RIG_UNTIL(&rig, opened != NULL);
    cr_assert_eq(protocol, LINK_HTTP_1, "the server does not agree");
    stream_close(opened);
    stream_close(peer);
    opened = NULL;
    server.http2 = true;
    open_link(5);
    serve_tls();
    RIG_UNTIL(&rig, opened != NULL);
    cr_assert_eq(protocol, LINK_HTTP_2);
}

Test(link, a_server_that_is_not_believed)
{
    use_tls(false);
    rig.upstream.tls.name = SLICE("other.test");
    open_link(5);
    serve_tls();
    RIG_UNTIL(&rig, failed != 0);
    cr_assert_eq(failed, ERROR_BACKEND_TLS);
    cr_assert_str_eq(
        reason, "hostname mismatch (verified for \"other.test\"), the certificate is for app.test");
    cr_assert_null(opened);
}

Test(link, a_server_without_tls)
{
    use_tls(false);
    open_link(5);
    int fd = server_accept(&rig, 0);
    server_send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
    RIG_UNTIL(&rig, failed != 0);
    cr_assert_eq(failed, ERROR_BACKEND_TLS);
    cr_assert_str_eq(reason, "wrong version number");
    close(fd);
}

Test(link, a_server_that_leaves_in_the_handshake)
{
    use_tls(false);
    open_link(5);
    int fd = server_accept(&rig, 0);
    char hello[1];
    RIG_UNTIL(&rig, recv(fd, hello, 1, 0) == 1);
    server_reset(fd);
    RIG_UNTIL(&rig, failed != 0);
    cr_assert_eq(failed, ERROR_BACKEND_TLS);
    cr_assert_str_eq(reason, "the peer reset the connection");
}

Test(link, a_handshake_that_hangs)
{
    use_tls(false);
    open_link(0.2);
    int fd = server_accept(&rig, 0);
    RIG_UNTIL(&rig, failed != 0);
    cr_assert_eq(failed, ERROR_CONNECT_TIMEOUT);
    cr_assert_str_eq(reason, "in the TLS handshake");
    close(fd);
}

Test(link, nobody_listens)
{
    close(rig.listeners[0]);
    rig.listeners[0] = -1;
    open_link(5);
    RIG_UNTIL(&rig, failed != 0);
    cr_assert_eq(failed, ERROR_CONNECT);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert(fputs(text, file) >= 0);
    cr_assert_eq(fclose(file), 0);
}

/* Both are EADDRNOTAVAIL: no address to come from is how a server is reached, or not; ports that
 * are used up are this host's own shortage. */
Test(link, without_an_address_or_a_port_to_come_from)
{
    struct address *server_address = &rig.endpoints[0].address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&server_address->any;
    struct sockaddr_in *four = (struct sockaddr_in *)&server_address->any;
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int control, listener, clients[2];

    if (unshare(CLONE_NEWNET) < 0)
        cr_skip_test("no right to make network namespaces here");
    write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    write_file("/proc/sys/net/ipv4/ip_local_port_range", "40000 40001");
    control = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert_eq(ioctl(control, SIOCSIFFLAGS, &loopback), 0);
    close(control);

    *six = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(80)};
    six->sin6_addr = in6addr_loopback;
    server_address->len = sizeof(*six);
    open_link(5);
    RIG_UNTIL(&rig, failed != 0);
    cr_assert_eq(failed, ERROR_CONNECT, "IPv6 is off");
    cr_assert(strstr(reason, "99: ") != NULL);
    failed = ERROR_NONE;

    *four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(80)};
    four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server_address->len = sizeof(*four);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)four, sizeof(*four)), 0);
    cr_assert_eq(listen(listener, 8), 0);
    for (int i = 0; i < 2; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert_eq(connect(clients[i], (struct sockaddr *)four, sizeof(*four)), 0);
    }
    open_link(5);
    RIG_UNTIL(&rig, failed != 0);
    cr_assert_eq(failed, ERROR_SHORTAGE, "no port is left");
    close(clients[0]);
    close(clients[1]);
    close(listener);
}

Test(link, closed_before_it_is_open)
{
    use_tls(false);
    link_close(open_link(5));
    struct backend_link *link = open_link(5);
    for (int i = 0; i < 5; i++)
        rig_turn(&rig);
    link_close(link);
    link_close(NULL);
    for (int i = 0; i < 5; i++)
        rig_turn(&rig);
    cr_assert(opened == NULL && failed == 0);
}

Test(link, an_exchange_over_tls_is_told_the_reason)
{
    struct visit visit;
    use_tls(false);
    rig.upstream.tls.name = SLICE("other.test");
    backends_bind(rig.backends, &rig.tenant);
    visit_get(&visit, &rig);
    serve_tls();
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_BACKEND_TLS);
    cr_assert(visit.untouched);
    cr_assert(slice_starts_with(visit.exchange->reason, SLICE("hostname mismatch")));
    visit_close(&visit);
}

Test(link, transports_do_not_share_connections)
{
    struct backend_group *plain = rig_group(&rig);
    int fd = serve_once(&rig, 0, -1);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    use_tls(false);
    backends_bind(rig.backends, &rig.tenant);
    cr_assert_neq(rig_group(&rig), plain);
    rig.upstream.identity = SLICE("app");
    rig.upstream.tls = (struct tls_client){0};
    rig.upstream_config.transport = NULL;
    backends_bind(rig.backends, &rig.tenant);
    cr_assert_eq(rig_group(&rig), plain);
    close(fd);
}
