/* SPDX-License-Identifier: MIT */
/* A real frontend on loopback: see the header. */
#include "frontend/rig.h"

#include "shared/figures.h"

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
    struct rig *rig = owner;

    cr_assert(slice_equal(tenant, SLICE("acme")));
    cr_assert(slice_equal(address, SLICE(RIG_ADDRESS)));
    rig->dead++;
    rig->dead_error = error;
}

static void on_drained(void *owner)
{
    ((struct rig *)owner)->drained++;
}

static void on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)timer;
    (void)events;
}

static void start_frontend(struct rig *rig)
{
    struct frontend_config config = {.loop = &rig->loop,
                                     .backends = rig->backends,
                                     .contexts = rig->contexts,
                                     .tally = rig->tally,
                                     .figures = &rig->figures,
                                     .descriptors = rig->descriptors,
                                     .on_listener_dead = on_dead,
                                     .on_drained = on_drained,
                                     .owner = rig};

    rig->frontend = frontend_new(&config);
    cr_assert_not_null(rig->frontend);
}

void rig_open(struct rig *rig)
{
    int fd = figures_new_file();

    log_set_level(getenv("GATE_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    rig->server = -1;
    rig->listener = -1;
    cells_init(&rig->cells);
    loop_init(&rig->loop);
    arena_init(&rig->arena, 4096);
    rig->contexts = tls_contexts_new();
    rig->backends = backends_new(&rig->loop);
    ev_timer_init(&rig->tick, on_tick, TICK, TICK);
    ev_timer_start(rig->loop.ev, &rig->tick);
    rig->number = METRICS_TENANTS + 3;
    figures_map(&rig->figures, fd);
    close(fd);
    start_frontend(rig);
}

void rig_start(struct rig *rig, const char *server)
{
    rig_open(rig);
    rig_set_tenant(rig, "acme", "", server);
    rig_listen(rig, "acme");
}

void rig_close(struct rig *rig)
{
    if (rig->log > 0) {
        log_set_sink(LOG_SINK_STDERR, STDERR_FILENO);
        log_set_level(LOG_LEVEL_ERROR);
        close(rig->log);
        rig->log = 0;
    }
    frontend_free(rig->frontend);
    backends_free(rig->backends);
    ev_timer_stop(rig->loop.ev, &rig->tick);
    if (rig->server >= 0)
        close(rig->server);
    if (rig->listener >= 0)
        close(rig->listener);
    loop_free(&rig->loop);
    tls_contexts_free(rig->contexts);
    cells_free(&rig->cells);
    arena_free(&rig->arena);
    figures_unmap(&rig->figures);
}

uint64_t rig_figure(struct rig *rig, enum metric metric, unsigned label)
{
    return figures_of(&rig->figures, rig->number, metric, label);
}

static void fill(void *data, size_t size)
{
    memset(data, 7, size);
}

/* What its limits count in; column 0. */
static void give_cells(struct rig *rig, struct tenant *tenant)
{
    const struct config_tenant *config = &tenant->config;
    struct cells_want *wants = ARENA_ARRAY(&rig->arena, struct cells_want, config->zone_count);

    for (uint32_t i = 0; i < config->zone_count; i++) {
        const struct config_zone *zone = &config->zones[i];

        wants[i] = (struct cells_want){zone->kind == ZONE_COUNTS ? CELLS_COUNTS : CELLS_RATES,
                                       zone->identity, zone->size};
    }
    cr_assert_eq(cells_fit(&rig->cells, wants, config->zone_count, fill), 0);
    if (rig->cells.count > 0)
        tenant_set_cells(tenant,
                         cells_map_new(rig->cells.fd, rig->cells.regions, rig->cells.count, 0));
}

void rig_set_tenant(struct rig *rig, const char *name, const char *extra, const char *server)
{
    struct config_tree tree;
    struct diag_list diags;
    const struct diag *diag;
    bool is_tls = strstr(server, "ssl_certificate ") != NULL;
    struct slice text =
        arena_printf(&rig->arena, "netns host;\n%s\nserver {\nlisten %s%s;\n%s\n}\n", extra,
                     RIG_ADDRESS, is_tls ? " ssl" : "", server);
    struct bundle_trust trust = {SLICE("/c/acme.crt"), rig->identity.der.chain, 1};
    struct bundle bundle = {.tenant = slice_of(name),
                            .folder = SLICE("/c"),
                            .identities = &rig->identity,
                            .identity_count = is_tls ? 1 : 0,
                            .trusts = &trust,
                            .trust_count = is_tls ? 1 : 0};
    struct tenant *tenant;

    config_tree_init(&tree);
    diag_list_init(&diags);
    cr_assert_eq(config_parse_text(&tree, &config_files, "/c/acme.conf", text, &diags), 0);
    bundle.root = &tree.root;
    tenant = tenant_new(&bundle, rig->contexts, &diags);
    STAILQ_FOREACH (diag, &diags.items, next)
        cr_assert(diag->severity != DIAG_ERROR, "%s", diag->message);
    cr_assert_not_null(tenant);
    give_cells(rig, tenant);
    backends_bind(rig->backends, tenant);
    frontend_set_tenant(rig->frontend, tenant, 3, rig->number);
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

void rig_listen(struct rig *rig, const char *tenant)
{
    const struct frontend_listener_id id = {slice_of(tenant), SLICE(RIG_ADDRESS), 0};
    int fd = listen_anywhere(&rig->port);

    if (rig->listener >= 0)
        close(rig->listener);
    rig->listener = dup(fd);
    frontend_add_listener(rig->frontend, &id, fd);
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

void rig_make_identity(struct rig *rig)
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
    cr_assert_eq(
        tls_examine(&rig->arena,
                    &(struct tls_pem_pair){.certificate = {pem_of(&rig->arena, chain), place},
                                           .key = {pem_of(&rig->arena, secret), place}},
                    time(NULL), &rig->identity.der, &diags),
        0);
    rig->identity.certificate_path = SLICE("/c/acme.crt");
    rig->identity.key_path = SLICE("/c/acme.key");
    diag_list_free(&diags);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* ---- turns ---- */

#define LATE 0.05 /* seconds that a turn may last beyond the tick */

static double real_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void rig_turn(struct rig *rig)
{
    double begin = real_now();

    ev_run(rig->loop.ev, EVRUN_ONCE);
    double late = real_now() - begin - rig->tick.repeat - LATE;
    if (late > 0)
        rig->stalled += late;
}

struct rig_watch rig_watch(const struct rig *rig)
{
    return (struct rig_watch){loop_now(&rig->loop), rig->stalled};
}

double rig_took(const struct rig *rig, const struct rig_watch *watch)
{
    return loop_now(&rig->loop) - watch->begin - (rig->stalled - watch->stalled);
}

void rig_expect_took(const struct rig *rig, const struct rig_watch *watch, double least,
                     double most)
{
    double wall = loop_now(&rig->loop) - watch->begin;
    double took = rig_took(rig, watch);

    cr_assert(wall >= least && took < most, "%.3f s, of %.3f s", took, wall);
}

void rig_run(struct rig *rig, double seconds)
{
    double until = loop_now(&rig->loop) + seconds;

    while (loop_now(&rig->loop) < until)
        rig_turn(rig);
}

void rig_watch_log(struct rig *rig)
{
    rig->log = memfd_create("log", MFD_CLOEXEC);
    cr_assert_gt(rig->log, 0);
    log_set_sink(LOG_SINK_FILE, rig->log);
    log_set_level(LOG_LEVEL_DEBUG);
}

unsigned rig_count_logged(const struct rig *rig, const char *text)
{
    static char lines[256 * 1024];
    ssize_t len = pread(rig->log, lines, sizeof(lines) - 1, 0);
    unsigned count = 0;

    lines[len > 0 ? len : 0] = '\0';
    for (const char *at = lines; (at = strstr(at, text)); at++)
        count++;
    return count;
}

bool rig_has_logged(const struct rig *rig, const char *text)
{
    return rig_count_logged(rig, text) > 0;
}

/* ---- clients ---- */

int client_open(struct rig *rig)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(rig->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void client_send_bytes(struct rig *rig, int fd, const char *data, size_t len)
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
            rig_turn(rig);
    }
}

void client_send(struct rig *rig, int fd, const char *text)
{
    client_send_bytes(rig, fd, text, strlen(text));
}

static void take(struct rig *rig, int fd)
{
    size_t room = sizeof(rig->text) - 1 - rig->len;
    ssize_t got;

    cr_assert_gt(room, 0);
    got = recv(fd, rig->text + rig->len, room, MSG_DONTWAIT);
    if (got > 0)
        rig->len += (size_t)got;
    else if (got == 0)
        rig->ended = true;
    else if (errno != EAGAIN)
        rig->ended = rig->was_reset = true;
    rig->text[rig->len] = '\0';
}

static void forget(struct rig *rig)
{
    rig->len = 0;
    rig->text[0] = '\0';
    rig->ended = rig->was_reset = false;
}

void client_expect(struct rig *rig, int fd, const char *text)
{
    forget(rig);
    for (int turns = 0; !strstr(rig->text, text); turns++) {
        cr_assert(turns < 8000 && !rig->ended, "no \"%s\" in \"%s\"", text, rig->text);
        rig_turn(rig);
        take(rig, fd);
    }
}

void client_rest(struct rig *rig, int fd)
{
    forget(rig);
    for (int turns = 0; !rig->ended; turns++) {
        cr_assert(turns < 8000, "no end behind \"%s\"", rig->text);
        rig_turn(rig);
        take(rig, fd);
    }
}

void client_ask(struct rig *rig, const char *request, const char *text)
{
    int fd = client_open(rig);

    client_send(rig, fd, request);
    client_expect(rig, fd, text);
    close(fd);
}

unsigned rig_count(const struct rig *rig, const char *text)
{
    unsigned count = 0;

    for (const char *at = rig->text; (at = strstr(at, text)); at += strlen(text))
        count++;
    return count;
}

/* ---- the backend ---- */

int server_accept(struct rig *rig)
{
    struct address peer;
    int fd = -1;

    for (int turns = 0; fd < 0; turns++) {
        cr_assert_lt(turns, 8000, "no connection to the backend");
        rig_turn(rig);
        fd = socket_accept(rig->server, &peer);
    }
    return fd;
}

void rig_start_proxy(struct rig *rig, const char *settings)
{
    struct slice text;

    rig_open(rig);
    rig->server = listen_anywhere(&rig->server_port);
    text = arena_printf(&rig->arena, "%s location / { proxy_pass http://127.0.0.1:%u; }", settings,
                        rig->server_port);
    rig_set_tenant(rig, "acme", "", text.data);
    rig_listen(rig, "acme");
}
