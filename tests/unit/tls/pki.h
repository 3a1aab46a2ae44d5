/* SPDX-License-Identifier: MIT */
/* Keys and certificates made on the spot. */
#ifndef TEST_TLS_PKI_H
#define TEST_TLS_PKI_H

#include "tls/identity.h"

#include <openssl/x509.h>

/* Who stands in a certificate and how long it lasts, in seconds from now. */
struct pki_wish {
    const char *name;
    bool is_ca;
    long from, until;     /* both 0: from a day ago to a day ahead */
    const char *names;    /* subjectAltName, "DNS:a,IP:1.2.3.4"; NULL: none */
    const EVP_MD *digest; /* NULL: SHA-256, or none where the key wants none */
};

/* kind: "RSA" (with bits), "EC" (P-256), "ED25519". */
EVP_PKEY *pki_key(const char *kind, size_t bits);

/* issuer NULL: self-signed. */
X509 *pki_certificate(const struct pki_wish *wish, EVP_PKEY *key, X509 *issuer,
                      EVP_PKEY *issuer_key);

/* PEM texts, appended in the order of calls; freed by the caller. */
struct slice pki_certificates_pem(X509 *const *certificates, int count);
struct slice pki_key_pem(EVP_PKEY *key);
struct slice pki_encrypted_key_pem(EVP_PKEY *key);

/* A root, and what it signed, each with its own fresh EC key. */
struct pki {
    EVP_PKEY *root_key, *middle_key, *leaf_key;
    X509 *root, *middle, *leaf;
};
void pki_make(struct pki *pki);
void pki_free(struct pki *pki);

#endif
