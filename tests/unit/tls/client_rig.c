/* SPDX-License-Identifier: MIT */
/* Both sides on one loop: see the header. */
#include "client_rig.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

static const struct tls_server *on_select(void *argument, struct slice name)
{
    struct client_rig *rig = argument;

    snprintf(rig->asked, sizeof(rig->asked), "%.*s", SLICE_PRINTF(name));
    return &rig->server;
}

/* ---- the client's side ---- */

static void on_open(void *owner)
{
    struct client_rig *rig = owner;

    rig->is_open = true;
    snprintf(rig->alpn, sizeof(rig->alpn), "%.*s", SLICE_PRINTF(tls_alpn(rig->ours)));
    rig->was_resumed = tls_session_reused(rig->ours);
}

static void on_readable(void *owner)
{
    struct client_rig *rig = owner;
    struct chain in;
    long got;

    chain_init(&in, &rig->loop.buffers);
    got = stream_read(rig->ours, &in, sizeof(rig->got));
    if (got > 0) {
        cr_assert_leq(rig->got_len + in.len, sizeof(rig->got));
        chain_peek(&in, 0, rig->got + rig->got_len, in.len);
        rig->got_len += in.len;
    }
    chain_clear(&in);
}

static void on_writable(void *owner)
{
    (void)owner;
}

static void on_failed(void *owner, enum error error)
{
    struct client_rig *rig = owner;

    rig->failed = error;
    rig->was_unverified = tls_is_unverified(rig->ours);
    snprintf(rig->failure, sizeof(rig->failure), "%s", tls_failure(rig->ours));
    stream_close(rig->ours);
    rig->ours = NULL;
}

static const struct stream_events our_events = {on_open, on_readable, on_writable, on_failed};

/* ---- the server's side ---- */

static void on_peer_open(void *owner)
{
    struct client_rig *rig = owner;

    rig->peer_is_open = true;
}

static void on_peer_readable(void *owner)
{
    struct client_rig *rig = owner;

    stream_pause(rig->peer);
}

static void on_peer_failed(void *owner, enum error error)
{
    struct client_rig *rig = owner;

    (void)error;
    stream_close(rig->peer);
    rig->peer = NULL;
}

static const struct stream_events peer_events = {on_peer_open, on_peer_readable, on_writable,
                                                 on_peer_failed};

/* ---- life ---- */

static const struct diag_place place = {"test", 1, 1};

static void identify(struct client_rig *rig, X509 *const *certificates, int count, EVP_PKEY *key)
{
    struct tls_der *der = ARENA_NEW(&rig->arena, struct tls_der);
    struct slice chain = pki_certificates_pem(certificates, count), secret = pki_key_pem(key);

    cr_assert_eq(
        tls_examine(&rig->arena,
                    &(struct tls_pem_pair){.certificate = {chain, place}, .key = {secret, place}},
                    time(NULL), der, &rig->diags),
        0);
    free((char *)chain.data);
    free((char *)secret.data);
    tls_identity_free(rig->identity);
    rig->identity = tls_identity_new(der);
    rig->server.identities = &rig->identity;
    rig->server.identity_count = 1;
}

void client_rig_show(struct client_rig *rig, const struct pki_wish *wish)
{
    EVP_PKEY *key = pki_key("EC", 0);
    X509 *certificate = pki_certificate(wish, key, rig->pki.root, rig->pki.root_key);

    identify(rig, &certificate, 1, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void client_rig_start(struct client_rig *rig)
{
    const struct tls_policy policy = {0};
    struct slice pem, *certificates;
    uint32_t count;

    memset(rig, 0, sizeof(*rig));
    loop_init(&rig->loop);
    arena_init(&rig->arena, 4096);
    diag_list_init(&rig->diags);
    rig->contexts = tls_contexts_new();
    rig->sessions = tls_sessions_new();
    pki_make(&rig->pki);
    identify(rig, (X509 *[]){rig->pki.leaf, rig->pki.middle}, 2, rig->pki.leaf_key);
    pem = pki_certificates_pem(&rig->pki.root, 1);
    cr_assert_eq(tls_examine_trusted(&rig->arena, &(struct tls_pem){pem, place}, &certificates,
                                     &count, &rig->diags),
                 0);
    free((char *)pem.data);
    rig->roots = tls_trust_new(certificates, count);
    RAND_bytes(rig->tickets.keys[0], TLS_TICKET_KEY);
    rig->tickets.count = 1;
    rig->server.context = tls_context_get(rig->contexts, &policy, &rig->diags);
    rig->server.tickets = &rig->tickets;
    rig->client = (struct tls_client){
        .context = tls_client_context_get(rig->contexts, &policy, &rig->diags),
        .verify = true,
        .verify_depth = 1,
        .reuses_sessions = true,
        .name = SLICE("leaf.test"),
        .trust = rig->roots,
    };
}

void client_rig_stop(struct client_rig *rig)
{
    client_rig_disconnect(rig);
    tls_sessions_free(rig->sessions);
    tls_trust_unref(rig->roots);
    loop_free(&rig->loop);
    tls_identity_free(rig->identity);
    tls_contexts_free(rig->contexts);
    pki_free(&rig->pki);
    diag_list_free(&rig->diags);
    arena_free(&rig->arena);
}

static void turn(struct client_rig *rig)
{
    ev_run(rig->loop.ev, EVRUN_NOWAIT);
    ev_run(rig->loop.ev, EVRUN_NOWAIT);
    poll(NULL, 0, 1);
}

bool client_rig_connect(struct client_rig *rig)
{
    const struct tls_accept accept = {on_select, rig};
    int fds[2];

    client_rig_disconnect(rig);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    rig->ours = stream_new(&rig->loop, fds[0], &our_events, rig);
    rig->peer = stream_new(&rig->loop, fds[1], &peer_events, rig);
    tls_accept(rig->peer, rig->server.context, &accept);
    tls_connect(rig->ours, &rig->client, rig->sessions);
    for (int i = 0; !(rig->is_open && rig->peer_is_open) && !rig->failed; i++) {
        cr_assert_lt(i, 5000);
        turn(rig);
    }
    return rig->is_open;
}

void client_rig_talk(struct client_rig *rig)
{
    struct chain out;

    chain_init(&out, &rig->loop.buffers);
    chain_append(&out, "hello", 5);
    stream_write(rig->peer, &out);
    for (int i = 0; rig->got_len < 5; i++) {
        cr_assert_lt(i, 5000);
        turn(rig);
    }
}

void client_rig_disconnect(struct client_rig *rig)
{
    stream_close(rig->ours);
    stream_close(rig->peer);
    rig->ours = rig->peer = NULL;
    turn(rig);
    rig->is_open = rig->peer_is_open = rig->was_unverified = rig->was_resumed = false;
    rig->failed = ERROR_NONE;
    rig->failure[0] = rig->asked[0] = rig->alpn[0] = '\0';
    rig->got_len = 0;
}
