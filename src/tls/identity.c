/* SPDX-License-Identifier: MIT */
/* A chain and its key in a worker: DER until the first handshake needs them. */
#include "base/log.h"
#include "tls_internal.h"

#include <openssl/err.h>
#include <stdlib.h>

/* What is decoded is counted by OpenSSL: every SSL that uses it holds a reference. */
struct tls_identity {
    const struct tls_der *der;
    X509 *leaf; /* NULL: not decoded */
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

struct tls_identity *tls_identity_new(const struct tls_der *der)
{
    struct tls_identity *identity = memory_zeroed(1, sizeof(*identity));

    identity->der = der;
    return identity;
}

void tls_identity_forget(struct tls_identity *identity)
{
    X509_free(identity->leaf);
    sk_X509_pop_free(identity->chain, X509_free);
    EVP_PKEY_free(identity->key);
    identity->leaf = NULL;
    identity->chain = NULL;
    identity->key = NULL;
}

void tls_identity_free(struct tls_identity *identity)
{
    if (!identity)
        return;
    tls_identity_forget(identity);
    free(identity);
}

bool tls_identity_is_decoded(const struct tls_identity *identity)
{
    return identity->leaf;
}

static X509 *decode_certificate(struct slice der)
{
    const unsigned char *at = (const unsigned char *)der.data;

    return d2i_X509(NULL, &at, (long)der.len);
}

static EVP_PKEY *decode_key(struct slice der)
{
    const unsigned char *at = (const unsigned char *)der.data;

    return d2i_AutoPrivateKey(NULL, &at, (long)der.len);
}

static int decode(struct tls_identity *identity)
{
    const struct tls_der *der = identity->der;

    if (identity->leaf)
        return 0;
    if (der->chain_count == 0)
        return ERROR_CERTIFICATE;
    identity->chain = sk_X509_new_reserve(NULL, (int)der->chain_count);
    identity->key = decode_key(der->key);
    identity->leaf = decode_certificate(der->chain[0]);
    if (!identity->chain || !identity->key || !identity->leaf)
        goto fail;
    for (uint32_t i = 1; i < der->chain_count; i++) {
        X509 *certificate = decode_certificate(der->chain[i]);

        if (!certificate || !sk_X509_push(identity->chain, certificate)) {
            X509_free(certificate);
            goto fail;
        }
    }
    return 0;
fail:
    tls_identity_forget(identity);
    return ERROR_CERTIFICATE;
}

int tls_identity_attach(struct tls_identity *identity, SSL *ssl)
{
    const char *reason;

    ERR_clear_error();
    if (decode(identity) == 0 &&
        SSL_use_cert_and_key(ssl, identity->leaf, identity->key, identity->chain, 1) == 1)
        return 0;
    reason = ERR_reason_error_string(ERR_peek_error());
    log_error("certificate %.*s cannot be used: %s", SLICE_PRINTF(identity->der->serial),
              reason ? reason : "unknown reason");
    ERR_clear_error();
    return ERROR_CERTIFICATE;
}

/* ---- kinds ---- */

/* PKCS#8 (RFC 5958) begins with the length, the version and the algorithm, which end before. */
#define KIND_HEAD 24

/* DER of the algorithms' object identifiers (RFC 3279, 4055, 5480, 8410). */
static const struct {
    struct slice identifier;
    enum tls_kind kind;
} algorithms[] = {
    {{"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 11}, TLS_KIND_RSA},
    {{"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", 11}, TLS_KIND_RSA}, /* RSA-PSS */
    {{"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01", 9}, TLS_KIND_ECDSA},
    {{"\x06\x03\x2b\x65\x70", 5}, TLS_KIND_ED25519},
    {{"\x06\x03\x2b\x65\x71", 5}, TLS_KIND_ED448},
};

enum tls_kind tls_kind_of(const struct tls_der *der)
{
    struct slice head = slice_head(der->key, der->key.len < KIND_HEAD ? der->key.len : KIND_HEAD);

    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        const struct slice *identifier = &algorithms[i].identifier;

        if (head.len > 0 && memmem(head.data, head.len, identifier->data, identifier->len))
            return algorithms[i].kind;
    }
    return TLS_KIND_OTHER;
}

const char *tls_kind_name(enum tls_kind kind)
{
    static const char *const names[TLS_KINDS] = {"other", "rsa", "ecdsa", "ed25519", "ed448"};

    return names[kind];
}
