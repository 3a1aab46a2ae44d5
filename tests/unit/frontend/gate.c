/* SPDX-License-Identifier: MIT */
/* A real frontend on loopback: see the header. */
#include "frontend/gate.h"

#include "base/log.h"
#include "io/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define TICK 0.002

static void on_dead(void *owner, struct slice tenant, struct slice address, int error)
{
    struct gate *gate = owner;

    cr_assert(slice_equal(tenant, SLICE("acme")));
    cr_assert(slice_equal(address, SLICE(GATE_ADDRESS)));
    gate->dead++;
    gate->dead_error = error;
}

static void on_drained(void *owner)
{
    ((struct gate *)owner)->drained++;
}

static void on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)timer;
    (void)events;
}

static void start_frontend(struct gate *gate)
{
    struct frontend_config config = {.loop = &gate->loop,
                                     .backends = gate->backends,
                                     .contexts = gate->contexts,
                                     .tally = gate->tally,
                                     .descriptors = gate->descriptors,
                                     .on_listener_dead = on_dead,
                                     .on_drained = on_drained,
                                     .owner = gate};

    gate->frontend = frontend_new(&config);
    cr_assert_not_null(gate->frontend);
}

void gate_open(struct gate *gate)
{
    log_set_level(getenv("GATE_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    gate->server = -1;
    gate->listener = -1;
    loop_init(&gate->loop);
    arena_init(&gate->arena, 4096);
    gate->contexts = tls_contexts_new();
    gate->backends = backends_new(&gate->loop);
    ev_timer_init(&gate->tick, on_tick, TICK, TICK);
    ev_timer_start(gate->loop.ev, &gate->tick);
    start_frontend(gate);
}

void gate_start(struct gate *gate, const char *server)
{
    gate_open(gate);
    gate_set_tenant(gate, "acme", "", server);
    gate_listen(gate, "acme");
}

void gate_close(struct gate *gate)
{
    if (gate->log > 0) {
        log_set_sink(LOG_SINK_STDERR, STDERR_FILENO);
        log_set_level(LOG_LEVEL_ERROR);
        close(gate->log);
        gate->log = 0;
    }
    frontend_free(gate->frontend);
    backends_free(gate->backends);
    ev_timer_stop(gate->loop.ev, &gate->tick);
    if (gate->server >= 0)
        close(gate->server);
    if (gate->listener >= 0)
        close(gate->listener);
    loop_free(&gate->loop);
    tls_contexts_free(gate->contexts);
    arena_free(&gate->arena);
}

void gate_set_tenant(struct gate *gate, const char *name, const char *extra, const char *server)
{
    struct config_tree tree;
    struct diag_list diags;
    const struct diag *diag;
    bool is_tls = strstr(server, "ssl_certificate ") != NULL;
    struct slice text =
        arena_printf(&gate->arena, "netns host;\n%s\nserver {\nlisten %s%s;\n%s\n}\n", extra,
                     GATE_ADDRESS, is_tls ? " ssl" : "", server);
    struct bundle_trust trust = {SLICE("/c/acme.crt"), gate->identity.der.chain, 1};
    struct bundle bundle = {.tenant = slice_of(name),
                            .folder = SLICE("/c"),
                            .identities = &gate->identity,
                            .identity_count = is_tls ? 1 : 0,
                            .trusts = &trust,
                            .trust_count = is_tls ? 1 : 0};
    struct tenant *tenant;

    config_tree_init(&tree);
    diag_list_init(&diags);
    cr_assert_eq(config_parse_text(&tree, &config_files, "/c/acme.conf", text, &diags), 0);
    bundle.root = &tree.root;
    tenant = tenant_new(&bundle, gate->contexts, &diags);
    STAILQ_FOREACH (diag, &diags.items, next)
        cr_assert(diag->severity != DIAG_ERROR, "%s", diag->message);
    cr_assert_not_null(tenant);
    backends_bind(gate->backends, tenant);
    frontend_set_tenant(gate->frontend, tenant, 3);
    diag_list_free(&diags);
    config_tree_free(&tree);
}

static int listen_anywhere(uint16_t *port)
{
    struct socket_listen_options options = {.backlog = 64};
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct address address;
    const char *call;
    int fd;

    address_set(&address, (struct sockaddr *)&any, sizeof(any));
    fd = socket_listen(&address, &options, &call);
    cr_assert_geq(fd, 0);
    address_of_socket(fd, &address);
    *port = address_port(&address);
    return fd;
}

void gate_listen(struct gate *gate, const char *tenant)
{
    const struct frontend_listener_id id = {slice_of(tenant), SLICE(GATE_ADDRESS), 0};
    int fd = listen_anywhere(&gate->port);

    if (gate->listener >= 0)
        close(gate->listener);
    gate->listener = dup(fd);
    frontend_add_listener(gate->frontend, &id, fd);
}

/* ---- a certificate ---- */

static struct slice pem_of(struct arena *arena, BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    struct slice text = arena_slice(arena, (struct slice){data, (size_t)len});

    BIO_free(bio);
    return text;
}

void gate_make_identity(struct gate *gate)
{
    struct diag_place place = {.file = "test"};
    struct diag_list diags;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    BIO *chain = BIO_new(BIO_s_mem());
    BIO *secret = BIO_new(BIO_s_mem());

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"acme.test", -1, -1,
                               0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    PEM_write_bio_X509(chain, certificate);
    PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL);
    diag_list_init(&diags);
    cr_assert_eq(tls_examine(&gate->arena, pem_of(&gate->arena, chain), place,
                             pem_of(&gate->arena, secret), place, time(NULL), &gate->identity.der,
                             &diags),
                 0);
    gate->identity.certificate_path = SLICE("/c/acme.crt");
    gate->identity.key_path = SLICE("/c/acme.key");
    diag_list_free(&diags);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* ---- turns ---- */

void gate_turn(struct gate *gate)
{
    ev_run(gate->loop.ev, EVRUN_ONCE);
}

void gate_run(struct gate *gate, double seconds)
{
    double until = loop_now(&gate->loop) + seconds;

    while (loop_now(&gate->loop) < until)
        gate_turn(gate);
}

void gate_watch_log(struct gate *gate)
{
    gate->log = memfd_create("log", MFD_CLOEXEC);
    cr_assert_gt(gate->log, 0);
    log_set_sink(LOG_SINK_FILE, gate->log);
    log_set_level(LOG_LEVEL_DEBUG);
}

bool gate_has_logged(const struct gate *gate, const char *text)
{
    static char lines[256 * 1024];
    ssize_t len = pread(gate->log, lines, sizeof(lines) - 1, 0);

    lines[len > 0 ? len : 0] = '\0';
    return strstr(lines, text) != NULL;
}

/* ---- clients ---- */

int client_open(struct gate *gate)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(gate->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void client_send_bytes(struct gate *gate, int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno != EAGAIN)
            return;
        if (sent > 0) {
            data += sent;
            len -= (size_t)sent;
        }
        if (len > 0)
            gate_turn(gate);
    }
}

void client_send(struct gate *gate, int fd, const char *text)
{
    client_send_bytes(gate, fd, text, strlen(text));
}

static void take(struct gate *gate, int fd)
{
    size_t room = sizeof(gate->text) - 1 - gate->len;
    ssize_t got;

    cr_assert_gt(room, 0);
    got = recv(fd, gate->text + gate->len, room, MSG_DONTWAIT);
    if (got > 0)
        gate->len += (size_t)got;
    else if (got == 0)
        gate->ended = true;
    else if (errno != EAGAIN)
        gate->ended = gate->was_reset = true;
    gate->text[gate->len] = '\0';
}

static void forget(struct gate *gate)
{
    gate->len = 0;
    gate->text[0] = '\0';
    gate->ended = gate->was_reset = false;
}

void client_expect(struct gate *gate, int fd, const char *text)
{
    forget(gate);
    for (int turns = 0; !strstr(gate->text, text); turns++) {
        cr_assert(turns < 8000 && !gate->ended, "no \"%s\" in \"%s\"", text, gate->text);
        gate_turn(gate);
        take(gate, fd);
    }
}

void client_rest(struct gate *gate, int fd)
{
    forget(gate);
    for (int turns = 0; !gate->ended; turns++) {
        cr_assert(turns < 8000, "no end behind \"%s\"", gate->text);
        gate_turn(gate);
        take(gate, fd);
    }
}

void client_ask(struct gate *gate, const char *request, const char *text)
{
    int fd = client_open(gate);

    client_send(gate, fd, request);
    client_expect(gate, fd, text);
    close(fd);
}

unsigned gate_count(const struct gate *gate, const char *text)
{
    unsigned count = 0;

    for (const char *at = gate->text; (at = strstr(at, text)); at += strlen(text))
        count++;
    return count;
}

/* ---- the backend ---- */

int server_accept(struct gate *gate)
{
    struct address peer;
    int fd = -1;

    for (int turns = 0; fd < 0; turns++) {
        cr_assert_lt(turns, 8000, "no connection to the backend");
        gate_turn(gate);
        fd = socket_accept(gate->server, &peer);
    }
    return fd;
}

void gate_start_proxy(struct gate *gate, const char *settings)
{
    struct slice text;

    gate_open(gate);
    gate->server = listen_anywhere(&gate->server_port);
    text = arena_printf(&gate->arena, "%s location / { proxy_pass http://127.0.0.1:%u; }", settings,
                        gate->server_port);
    gate_set_tenant(gate, "acme", "", text.data);
    gate_listen(gate, "acme");
}
