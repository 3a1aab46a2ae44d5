/* SPDX-License-Identifier: MIT */
/* The rig: see its header. */
#include "rig.h"
#include "pki.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

static const struct tls_server *on_select(void *argument, struct slice name)
{
    struct rig *rig = argument;

    rig->selects++;
    snprintf(rig->asked, sizeof(rig->asked), "%.*s", SLICE_PRINTF(name));
    /* Anybody may use it: what the layer left there must not matter. */
    memset(rig->loop.scratch, 0xee, LOOP_SCRATCH);
    return rig->chosen;
}

static void on_open(void *owner)
{
    struct rig *rig = owner;

    rig->opened++;
}

static void on_readable(void *owner)
{
    struct rig *rig = owner;
    long got;

    rig->readable++;
    if (rig->keeps_away) {
        stream_pause(rig->stream);
        return;
    }
    got = stream_read(rig->stream, &rig->in, rig->limit);
    rig->keeps_away = rig->reads_once && got > 0;
    if (got < 0) {
        rig->ended = (enum error)got;
        snprintf(rig->failure, sizeof(rig->failure), "%s", tls_failure(rig->stream));
    }
}

static void on_writable(void *owner)
{
    struct rig *rig = owner;

    rig->drained++;
}

static void on_failed(void *owner, enum error error)
{
    struct rig *rig = owner;

    rig->failed = error;
    snprintf(rig->failure, sizeof(rig->failure), "%s", tls_failure(rig->stream));
    stream_close(rig->stream);
    rig->stream = NULL;
}

static const struct stream_events events = {on_open, on_readable, on_writable, on_failed};

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct rig *rig = SSL_get_app_data(ssl);

    SSL_SESSION_free(rig->session);
    rig->session = session;
    return 1;
}

void rig_start(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    loop_init(&rig->loop);
    arena_init(&rig->arena, 4096);
    diag_list_init(&rig->diags);
    rig->contexts = tls_contexts_new();
    rig->limit = 64 * 1024;
    rig->client_fd = -1;
    chain_init(&rig->in, &rig->loop.buffers);
    rig->client_context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(rig->client_context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(rig->client_context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(rig->client_context, on_session);
}

void rig_stop(struct rig *rig)
{
    rig_disconnect(rig);
    SSL_SESSION_free(rig->session);
    SSL_CTX_free(rig->client_context);
    for (int i = 0; i < rig->identity_count; i++)
        tls_identity_free(rig->identities[i]);
    loop_free(&rig->loop);
    cr_assert_eq(rig->loop.buffers.held, 0);
    tls_contexts_free(rig->contexts);
    diag_list_free(&rig->diags);
    arena_free(&rig->arena);
    cr_assert_eq(ERR_peek_error(), 0, "an error is left in OpenSSL's queue");
}

struct tls_identity *rig_identity(struct rig *rig, const char *name, const char *kind)
{
    const struct diag_place place = {"test", 1, 1};
    struct tls_der *der = ARENA_NEW(&rig->arena, struct tls_der);
    EVP_PKEY *key = pki_key(kind, 2048);
    X509 *certificate = pki_certificate(&(struct pki_wish){.name = name}, key, NULL, NULL);
    struct slice chain = pki_certificates_pem(&certificate, 1), secret = pki_key_pem(key);

    cr_assert_eq(
        tls_examine(&rig->arena,
                    &(struct tls_pem_pair){.certificate = {chain, place}, .key = {secret, place}},
                    time(NULL), der, &rig->diags),
        0);
    free((char *)chain.data);
    free((char *)secret.data);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return rig->identities[rig->identity_count++] = tls_identity_new(der);
}

struct tls_context *rig_context(struct rig *rig, uint32_t versions)
{
    const struct tls_policy policy = {.versions = versions};
    struct tls_context *context = tls_context_get(rig->contexts, &policy, &rig->diags);

    cr_assert_not_null(context);
    return context;
}

static void tcp_pair(int *ours, int *peer)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(listener, (struct sockaddr *)&at, len), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    *peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(*peer, (struct sockaddr *)&at, len), 0);
    *ours = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    close(listener);
    fcntl(*peer, F_SETFL, O_NONBLOCK);
    setsockopt(*peer, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

void rig_connect(struct rig *rig, struct tls_context *first, int version)
{
    const struct tls_accept accept = {on_select, rig};
    int ours;

    rig_disconnect(rig);
    tcp_pair(&ours, &rig->client_fd);
    rig->stream = stream_new(&rig->loop, ours, &events, rig);
    tls_accept(rig->stream, first, &accept);
    rig->client = SSL_new(rig->client_context);
    SSL_set_app_data(rig->client, rig);
    SSL_set_fd(rig->client, rig->client_fd);
    SSL_set_connect_state(rig->client);
    if (version) {
        SSL_set_min_proto_version(rig->client, version);
        SSL_set_max_proto_version(rig->client, version);
    }
}

void rig_disconnect(struct rig *rig)
{
    stream_close(rig->stream);
    rig->stream = NULL;
    /* Or OpenSSL holds that the session is not to be resumed. */
    if (rig->client)
        SSL_set_shutdown(rig->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(rig->client);
    rig->client = NULL;
    if (rig->client_fd >= 0)
        close(rig->client_fd);
    rig->client_fd = -1;
    chain_clear(&rig->in);
    rig->opened = rig->readable = rig->drained = rig->client_error = rig->selects = 0;
    rig->failed = rig->ended = ERROR_NONE;
    rig->keeps_away = rig->reads_once = false;
    rig->failure[0] = rig->asked[0] = '\0';
    ERR_clear_error();
}

static void note(struct rig *rig, int result)
{
    int error = SSL_get_error(rig->client, result);

    if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        rig->client_error = error;
    ERR_clear_error();
}

void rig_turn(struct rig *rig)
{
    if (rig->client && !rig->client_error && !SSL_is_init_finished(rig->client)) {
        ERR_clear_error();
        note(rig, SSL_do_handshake(rig->client));
    }
    ev_run(rig->loop.ev, EVRUN_NOWAIT);
    ev_run(rig->loop.ev, EVRUN_NOWAIT);
    poll(NULL, 0, 1);
}

void rig_peer_name(struct rig *rig, char name[64])
{
    X509 *certificate = SSL_get0_peer_certificate(rig->client);

    cr_assert_not_null(certificate);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, 64);
}

long rig_take(struct rig *rig, char *data, size_t size)
{
    size_t got = 0;
    int result;

    ERR_clear_error();
    result = SSL_read_ex(rig->client, data, size, &got);
    if (result == 1)
        return (long)got;
    note(rig, result);
    return rig->client_error ? -1 : 0;
}

void rig_send(struct rig *rig, const void *data, size_t len)
{
    size_t sent = 0;

    cr_assert_eq(SSL_write_ex(rig->client, data, len, &sent), 1);
    cr_assert_eq(sent, len);
}

void rig_write(struct rig *rig, const void *data, size_t len)
{
    struct chain chain;

    chain_init(&chain, &rig->loop.buffers);
    chain_append(&chain, data, len);
    stream_write(rig->stream, &chain);
}
