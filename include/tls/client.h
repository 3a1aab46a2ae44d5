/* SPDX-License-Identifier: MIT */
/* The client's side of TLS: what a backend must show, and the sessions that save a handshake. */
#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

#include "tls/tls.h"

/* ---- certificates that are trusted: backends' issuers, and clients' ---- */

/* Certificates that one file may have. */
#define TLS_TRUST_MAX 1024

/* The resolver's side: parses all PEM certificates of a file into DER (i2d_X509_AUX(3): those
 * that OpenSSL calls trusted keep their uses). *certificates is made in the arena. Returns 0, or
 * ERROR_CERTIFICATE with an error at place: none, too many, or malformed. */
int tls_examine_trusted(struct arena *arena, const struct tls_pem *pem, struct slice **certificates,
                        uint32_t *count, struct diag_list *diags);

/* The worker's side: counted, since connections go on when their tenant has gone. Decoded at first
 * use. */
struct tls_trust;

/* Copies the DER. The caller holds one reference. */
struct tls_trust *tls_trust_new(const struct slice *certificates, uint32_t count);
struct tls_trust *tls_trust_ref(struct tls_trust *trust);
void tls_trust_unref(struct tls_trust *trust); /* NULL is ignored */

/* ---- sessions ---- */

/* A few sessions of one server, owned by whoever connects to it. They must only be used with one
 * and the same struct tls_client: a resumed session is not verified again. */
struct tls_sessions;
struct tls_sessions *tls_sessions_new(void);
void tls_sessions_free(struct tls_sessions *sessions); /* NULL is ignored */
unsigned tls_sessions_count(const struct tls_sessions *sessions);

/* ---- connecting ---- */

/* What connections of one kind agree on. Owns nothing but what its owner says. */
struct tls_client {
    struct tls_context *context; /* of tls_client_context_get */
    bool verify;                 /* the certificate's chain, time and name */
    bool sends_name;             /* as SNI, unless it is an address (RFC 6066 section 3) */
    bool offers_http2;           /* ALPN: h2, then http/1.1; else http/1.1 alone */
    bool reuses_sessions;
    uint32_t verify_depth; /* intermediate certificates, at most */
    struct slice name; /* host name or address, at most 255 bytes; must not be empty if verify */
    struct tls_trust *trust; /* NULL: the system's certificates, loaded when first needed */
};

/* The context of a policy for clients (its groups are what is offered), as tls_context_get. */
struct tls_context *tls_client_context_get(struct tls_contexts *contexts,
                                           const struct tls_policy *policy,
                                           struct diag_list *diags);

/* Starts the client's side of TLS on a connected stream; the stream owns it. client is read now and
 * not kept. sessions: NULL, or what must live until the stream is closed. tls_alpn tells from
 * on_open on what was agreed: empty when the server does not speak ALPN. A server whose certificate
 * is refused ends the handshake with ERROR_TLS, and tls_failure says why. */
void tls_connect(struct stream *stream, const struct tls_client *client,
                 struct tls_sessions *sessions);

/* After the handshake has failed: whether it was for the server's certificate. */
bool tls_is_unverified(const struct stream *stream);

/* The same, for its names alone: writes those that it is for, as text for the log, of at most
 * size - 1 bytes and a NUL. Returns false, and "", when it is not for its names. */
bool tls_is_for_others(const struct stream *stream, char *names, size_t size);

#endif
