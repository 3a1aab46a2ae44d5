/* SPDX-License-Identifier: MIT */
/* TLS under a stream. Contexts are shared per policy; what is a tenant's own (chain, key, session
 * id context, ticket keys) is attached to the connection in the client-hello callback. */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include "base/diag.h"
#include "base/tls_version.h"
#include "io/stream.h"
#include "tls/identity.h"
#include "tls/verification.h"

/* ---- policies and their contexts ---- */

/* What connections of one kind agree on. */
struct tls_policy {
    uint32_t versions;    /* tls_version bits; 0: both */
    struct slice ciphers; /* cipher list of TLS 1.2 (openssl-ciphers(1)); empty: towards clients
                             forward secrecy and AEAD only, towards backends OpenSSL's */
    struct diag_place ciphers_place;
    struct slice groups; /* SSL_CTX_set1_groups_list(3); empty or "auto": the elliptic ones */
    struct diag_place groups_place;
};

/* All contexts of one process, by policy. NULL, with an error in the log, when OpenSSL lacks its
 * default provider: openssl.cnf can take it away. */
struct tls_contexts;
struct tls_contexts *tls_contexts_new(void);
void tls_contexts_free(struct tls_contexts *contexts); /* NULL is ignored */

/* Reads the system's CA certificates (OpenSSL's default file and folders, or those of SSL_CERT_FILE
 * and SSL_CERT_DIR), as many as there is room for. Returns the bytes that they take: PEM, one file
 * behind the other. */
size_t tls_system_read(char *data, size_t size);
#define TLS_SYSTEM_MAX ((size_t)32 * 1024 * 1024) /* enough room: 1 % of it is usual */

/* What tls_system_read() has read, here or in another process: must live as long as contexts. It is
 * decoded when the first server is verified against it; without it, none can be. */
void tls_contexts_set_system(struct tls_contexts *contexts, struct slice pem);

/* The context of a policy, made at its first use; owned by contexts. NULL when the policy is
 * refused by OpenSSL, with an error in diags at the place of the text, once for each place. */
struct tls_context *tls_context_get(struct tls_contexts *contexts, const struct tls_policy *policy,
                                    struct diag_list *diags);

/* ---- servers ---- */

#define TLS_TICKET_KEY 80 /* 16 name, 32 HMAC-SHA256, 32 AES-256-CBC */

/* Ticket keys of one tenant: the first encrypts, all decrypt. Made by the supervisor from
 * getrandom(2), the same in all workers, kept over reloads. */
struct tls_ticket_keys {
    unsigned char keys[2][TLS_TICKET_KEY];
    uint32_t count; /* 1 or 2 */
};

/* What a connection presents, once its server name is known. Owned by the tenant. */
struct tls_server {
    struct tls_context *context;      /* its versions, ciphers and groups apply */
    struct tls_identity **identities; /* ECDSA and RSA, in the order of preference */
    uint32_t identity_count;
    const struct tls_ticket_keys *tickets; /* NULL: no tickets */
    unsigned char session_context[32]; /* hash of tenant, server and what clients are verified by */
    struct tls_verification verification;
    bool http2; /* ALPN may agree on h2 */
};

struct tls_accept {
    /* Chooses the server for a name (lower case, without final dot; empty when the client sent
     * none). NULL refuses with the alert unrecognized_name. What it returns must live as long as
     * the stream. Must not close the stream. */
    const struct tls_server *(*select)(void *argument, struct slice server_name);
    void *argument;
};

/* Starts the server's side of TLS on a stream; the stream owns it. first: the context to begin
 * with, the listener's default server's. accept is copied. */
void tls_accept(struct stream *stream, struct tls_context *first, const struct tls_accept *accept);

/* Hashes what makes sessions of one server resumable only there (SHA-256 over the parts with their
 * lengths): tenant, server, verification. */
void tls_session_context(unsigned char out[32], const struct slice *parts, unsigned count);

/* ---- questions, valid from on_open on; all constant or owned by the connection ---- */

struct slice tls_server_name(const struct stream *stream); /* SNI; empty when none was sent */
struct slice tls_alpn(const struct stream *stream);    /* "h2", "http/1.1", "http/1.0" or empty */
const char *tls_protocol(const struct stream *stream); /* "TLSv1.3" */
const char *tls_cipher(const struct stream *stream);
const char *tls_curve(const struct stream *stream); /* "X25519"; "" when none was agreed on */
bool tls_session_reused(const struct stream *stream);
const struct tls_server *tls_chosen_server(const struct stream *stream);

/* Why the last handshake or read failed: OpenSSL's reason, constant; "" when there is none. */
const char *tls_failure(const struct stream *stream);

#endif
