/* SPDX-License-Identifier: MIT */
/* What a server asks of its clients' certificates, and what a client has shown. */
#ifndef TLS_VERIFICATION_H
#define TLS_VERIFICATION_H

#include "base/error.h"
#include "io/stream.h"

struct tls_trust; /* tls/client.h */

/* nginx's ssl_verify_client. The handshake succeeds in any case: a client that is refused is told
 * so by the answers to its requests. */
enum tls_verify {
    TLS_VERIFY_OFF,           /* no certificate is asked for */
    TLS_VERIFY_ON,            /* one is needed, and must be good */
    TLS_VERIFY_OPTIONAL,      /* one that is sent must be good */
    TLS_VERIFY_OPTIONAL_NO_CA /* the same, but its issuer need not be trusted */
};

/* Owns nothing but what its owner says. */
struct tls_verification {
    enum tls_verify mode;
    uint32_t depth;          /* intermediate certificates, at most */
    struct tls_trust *trust; /* what certificates must lead to; NULL: nothing is trusted */
    struct tls_trust *named; /* the authorities that are told to clients; NULL: none */
    unsigned char hash[32];  /* of mode, depth and trust, by its owner; zero when OFF */
};

/* Whether a client that satisfied the one has satisfied the other. */
bool tls_verification_equal(const struct tls_verification *a, const struct tls_verification *b);

/* What the client of an open connection has shown. Texts are nginx's. */
struct tls_peer {
    struct slice verify;  /* $ssl_client_verify: NONE, SUCCESS, FAILED:reason */
    struct slice subject; /* $ssl_client_s_dn, as RFC 2253; empty without a certificate, and when
                             it is longer than TLS_PEER_NAME_MAX */
    struct slice issuer;  /* $ssl_client_i_dn, likewise */
    struct slice serial;  /* upper-case hexadecimal */
    struct slice fingerprint; /* SHA-1, lower-case hexadecimal */
    enum error error; /* NO_CERTIFICATE or BAD_CERTIFICATE: its server's demands are not met */
};

#define TLS_PEER_NAME_MAX 4096

/* From on_open on; the caller frees it. NULL when the server asked for no certificate. */
struct tls_peer *tls_peer_new(const struct stream *stream);
void tls_peer_free(struct tls_peer *peer); /* NULL is ignored */

#endif
