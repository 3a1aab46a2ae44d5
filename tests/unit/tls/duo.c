/* SPDX-License-Identifier: MIT */
/* Both sides on one loop: see the header. */
#include "duo.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

static const struct tls_server *on_select(void *argument, struct slice name)
{
    struct duo *duo = argument;

    snprintf(duo->asked, sizeof(duo->asked), "%.*s", SLICE_PRINTF(name));
    return &duo->server;
}

/* ---- the client's side ---- */

static void on_open(void *owner)
{
    struct duo *duo = owner;

    duo->is_open = true;
    snprintf(duo->alpn, sizeof(duo->alpn), "%.*s", SLICE_PRINTF(tls_alpn(duo->ours)));
    duo->was_resumed = tls_session_reused(duo->ours);
}

static void on_readable(void *owner)
{
    struct duo *duo = owner;
    struct chain in;
    long got;

    chain_init(&in, &duo->loop.buffers);
    got = stream_read(duo->ours, &in, sizeof(duo->got));
    if (got > 0) {
        cr_assert_leq(duo->got_len + in.len, sizeof(duo->got));
        chain_peek(&in, 0, duo->got + duo->got_len, in.len);
        duo->got_len += in.len;
    }
    chain_clear(&in);
}

static void on_writable(void *owner)
{
    (void)owner;
}

static void on_failed(void *owner, enum error error)
{
    struct duo *duo = owner;

    duo->failed = error;
    duo->was_unverified = tls_is_unverified(duo->ours);
    snprintf(duo->failure, sizeof(duo->failure), "%s", tls_failure(duo->ours));
    stream_close(duo->ours);
    duo->ours = NULL;
}

static const struct stream_events our_events = {on_open, on_readable, on_writable, on_failed};

/* ---- the server's side ---- */

static void on_peer_open(void *owner)
{
    struct duo *duo = owner;

    duo->peer_is_open = true;
}

static void on_peer_readable(void *owner)
{
    struct duo *duo = owner;

    stream_pause(duo->peer);
}

static void on_peer_failed(void *owner, enum error error)
{
    struct duo *duo = owner;

    (void)error;
    stream_close(duo->peer);
    duo->peer = NULL;
}

static const struct stream_events peer_events = {on_peer_open, on_peer_readable, on_writable,
                                                 on_peer_failed};

/* ---- life ---- */

static const struct diag_place place = {"test", 1, 1};

static void identify(struct duo *duo, X509 *const *certificates, int count, EVP_PKEY *key)
{
    struct tls_der *der = ARENA_NEW(&duo->arena, struct tls_der);
    struct slice chain = pki_certificates_pem(certificates, count), secret = pki_key_pem(key);

    cr_assert_eq(
        tls_examine(&duo->arena,
                    &(struct tls_pem_pair){.certificate = {chain, place}, .key = {secret, place}},
                    time(NULL), der, &duo->diags),
        0);
    free((char *)chain.data);
    free((char *)secret.data);
    tls_identity_free(duo->identity);
    duo->identity = tls_identity_new(der);
    duo->server.identities = &duo->identity;
    duo->server.identity_count = 1;
}

void duo_show(struct duo *duo, const struct pki_wish *wish)
{
    EVP_PKEY *key = pki_key("EC", 0);
    X509 *certificate = pki_certificate(wish, key, duo->pki.root, duo->pki.root_key);

    identify(duo, &certificate, 1, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void duo_start(struct duo *duo)
{
    const struct tls_policy policy = {0};
    struct slice pem, *certificates;
    uint32_t count;

    memset(duo, 0, sizeof(*duo));
    loop_init(&duo->loop);
    arena_init(&duo->arena, 4096);
    diag_list_init(&duo->diags);
    duo->contexts = tls_contexts_new();
    duo->sessions = tls_sessions_new();
    pki_make(&duo->pki);
    identify(duo, (X509 *[]){duo->pki.leaf, duo->pki.middle}, 2, duo->pki.leaf_key);
    pem = pki_certificates_pem(&duo->pki.root, 1);
    cr_assert_eq(tls_examine_trusted(&duo->arena, &(struct tls_pem){pem, place}, &certificates,
                                     &count, &duo->diags),
                 0);
    free((char *)pem.data);
    duo->roots = tls_trust_new(certificates, count);
    RAND_bytes(duo->tickets.keys[0], TLS_TICKET_KEY);
    duo->tickets.count = 1;
    duo->server.context = tls_context_get(duo->contexts, &policy, &duo->diags);
    duo->server.tickets = &duo->tickets;
    duo->client = (struct tls_client){
        .context = tls_client_context_get(duo->contexts, &policy, &duo->diags),
        .verify = true,
        .verify_depth = 1,
        .reuses_sessions = true,
        .name = SLICE("leaf.test"),
        .trust = duo->roots,
    };
}

void duo_stop(struct duo *duo)
{
    duo_disconnect(duo);
    tls_sessions_free(duo->sessions);
    tls_trust_unref(duo->roots);
    loop_free(&duo->loop);
    tls_identity_free(duo->identity);
    tls_contexts_free(duo->contexts);
    pki_free(&duo->pki);
    diag_list_free(&duo->diags);
    arena_free(&duo->arena);
}

static void turn(struct duo *duo)
{
    ev_run(duo->loop.ev, EVRUN_NOWAIT);
    ev_run(duo->loop.ev, EVRUN_NOWAIT);
    poll(NULL, 0, 1);
}

bool duo_connect(struct duo *duo)
{
    const struct tls_accept accept = {on_select, duo};
    int fds[2];

    duo_disconnect(duo);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    duo->ours = stream_new(&duo->loop, fds[0], &our_events, duo);
    duo->peer = stream_new(&duo->loop, fds[1], &peer_events, duo);
    tls_accept(duo->peer, duo->server.context, &accept);
    tls_connect(duo->ours, &duo->client, duo->sessions);
    for (int i = 0; !(duo->is_open && duo->peer_is_open) && !duo->failed; i++) {
        cr_assert_lt(i, 5000);
        turn(duo);
    }
    return duo->is_open;
}

void duo_talk(struct duo *duo)
{
    struct chain out;

    chain_init(&out, &duo->loop.buffers);
    chain_append(&out, "hello", 5);
    stream_write(duo->peer, &out);
    for (int i = 0; duo->got_len < 5; i++) {
        cr_assert_lt(i, 5000);
        turn(duo);
    }
}

void duo_disconnect(struct duo *duo)
{
    stream_close(duo->ours);
    stream_close(duo->peer);
    duo->ours = duo->peer = NULL;
    turn(duo);
    duo->is_open = duo->peer_is_open = duo->was_unverified = duo->was_resumed = false;
    duo->failed = ERROR_NONE;
    duo->failure[0] = duo->asked[0] = duo->alpn[0] = '\0';
    duo->got_len = 0;
}
