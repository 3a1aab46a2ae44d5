/* SPDX-License-Identifier: MIT */
/* Certificates and keys: examined once from PEM, handed on as DER, decoded at first use. */
#ifndef TLS_IDENTITY_H
#define TLS_IDENTITY_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/error.h"

/* ---- the resolver's side ---- */

#define TLS_CHAIN_MAX 16

/* One certificate chain and its key, as DER. Slices point into the arena it was examined into. */
struct tls_der {
    struct slice chain[TLS_CHAIN_MAX]; /* leaf first, then what signs it, in order */
    uint32_t chain_count;
    struct slice key;   /* PKCS#8 (RFC 5958) */
    int64_t not_before; /* of the leaf; seconds since 1970 */
    int64_t not_after;
    struct slice serial; /* of the leaf, upper-case hexadecimal */
};

enum tls_kind { TLS_KIND_OTHER, TLS_KIND_RSA, TLS_KIND_ECDSA, TLS_KIND_ED25519, TLS_KIND_ED448 };
#define TLS_KINDS (TLS_KIND_ED448 + 1)

/* Of its key, as the key's first bytes say; nothing is decoded. */
enum tls_kind tls_kind_of(const struct tls_der *der);
const char *tls_kind_name(enum tls_kind kind); /* "rsa" */

/* A file's text, and where the configuration names the file. */
struct tls_pem {
    struct slice bytes;
    struct diag_place place;
};

struct tls_pem_pair {
    struct tls_pem certificate;
    struct tls_pem key;
};

/* Parses a PEM chain and its PEM key (PKCS#1, SEC 1 or PKCS#8, not encrypted), puts the chain in
 * order (the leaf is the first one that has the key, wherever it stands; an intermediate out of
 * place is moved; one that has signed none of the chain is left out with a warning; a second path
 * of a cross-signed CA stays, behind the rest), checks that the key belongs to the leaf and that
 * level 2 accepts it. Expired, not yet valid or repeated certificates are warnings. now: seconds
 * since 1970. Returns 0 or ERROR_CERTIFICATE. */
int tls_examine(struct arena *arena, const struct tls_pem_pair *pair, int64_t now,
                struct tls_der *out, struct diag_list *diags);

/* ---- the worker's side ---- */

/* One chain and key. Counted: SSL objects of connections keep what they use alive. */
struct tls_identity;

/* Copies nothing: der and what it points to must outlive the identity. */
struct tls_identity *tls_identity_new(const struct tls_der *der);
void tls_identity_free(struct tls_identity *identity);

/* Forgets the decoded objects; the next handshake decodes again. */
void tls_identity_forget(struct tls_identity *identity);
bool tls_identity_is_decoded(const struct tls_identity *identity);

#endif
