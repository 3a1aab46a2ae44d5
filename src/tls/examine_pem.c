/* SPDX-License-Identifier: MIT */
/* PEM files into certificates and keys. */
#include "examine_internal.h"

#include "tls/client.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

static const char *reason_of(unsigned long code)
{
    const char *reason = ERR_reason_error_string(code);

    return reason ? reason : "unknown reason";
}

static BIO *open_pem(struct slice pem)
{
    if (pem.len > INT_MAX)
        return NULL;
    return BIO_new_mem_buf(pem.data, (int)pem.len);
}

/* No passphrase: nobody sits here to type it. Remembers that one was asked for. */
static int on_passphrase(char *buffer, int size, int writing, void *argument)
{
    bool *asked = argument;

    (void)buffer;
    (void)size;
    (void)writing;
    *asked = true;
    return -1;
}

/* Hands each certificate of the file, under any of the three names that PEM has for it, over until
 * `take` refuses one, having told why. Returns 0 or ERROR_CERTIFICATE with the reason told; no
 * certificate at all is one. */
static int read_certificates(struct slice pem, struct diag_place place,
                             bool (*take)(void *argument, X509 *certificate), void *argument,
                             struct diag_list *diags)
{
    BIO *bio = pem.len > 0 ? open_pem(pem) : NULL;
    bool asked = false;
    unsigned long code;
    X509 *certificate;
    unsigned count = 0;
    int result = ERROR_CERTIFICATE;

    if (!bio) {
        diag_error(diags, place, "the certificate file is %s", pem.len ? "too large" : "empty");
        return ERROR_CERTIFICATE;
    }
    ERR_clear_error();
    while ((certificate = PEM_read_bio_X509_AUX(bio, NULL, on_passphrase, &asked))) {
        if (!take(argument, certificate))
            goto done;
        count++;
    }
    code = ERR_peek_last_error();
    if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
        diag_error(diags, place, "certificate %u cannot be read: %s", count + 1,
                   asked ? "it is encrypted" : reason_of(ERR_peek_error()));
    else if (count == 0)
        diag_error(diags, place, "no certificate in PEM form in the file");
    else
        result = 0;
done:
    ERR_clear_error();
    BIO_free(bio);
    return result;
}

/* ---- a chain ---- */

struct chain_reading {
    struct examine_chain *chain;
    struct diag_place place;
    struct diag_list *diags;
};

static bool take_link(void *argument, X509 *certificate)
{
    const struct chain_reading *reading = argument;
    struct examine_chain *chain = reading->chain;

    if (chain->found_count == EXAMINE_FOUND_MAX) {
        diag_error(reading->diags, reading->place, "more than %d certificates in one file",
                   EXAMINE_FOUND_MAX);
        X509_free(certificate);
        return false;
    }
    chain->found[chain->found_count++] = certificate;
    return true;
}

int examine_read_chain(struct slice pem, struct diag_place place, struct examine_chain *chain,
                       struct diag_list *diags)
{
    struct chain_reading reading = {chain, place, diags};

    return read_certificates(pem, place, take_link, &reading, diags);
}

/* ---- certificates that are trusted: with what openssl-x509(1) -addtrust, -addreject say of them,
 * which is in the DER behind the certificate ---- */

struct trust_reading {
    struct arena *arena;
    struct slice *certificates;
    uint32_t count;
    struct diag_place place;
    struct diag_list *diags;
};

static bool take_trusted(void *argument, X509 *certificate)
{
    struct trust_reading *reading = argument;
    unsigned char *encoded = NULL;
    int len = reading->count < TLS_TRUST_MAX ? i2d_X509_AUX(certificate, &encoded) : 0;

    X509_free(certificate);
    if (reading->count == TLS_TRUST_MAX) {
        diag_error(reading->diags, reading->place, "more than %d certificates in one file",
                   TLS_TRUST_MAX);
        return false;
    }
    if (len <= 0) {
        diag_error(reading->diags, reading->place, "certificate %u cannot be encoded",
                   reading->count + 1);
        return false;
    }
    reading->certificates[reading->count++] =
        arena_slice(reading->arena, (struct slice){(const char *)encoded, (size_t)len});
    OPENSSL_free(encoded);
    return true;
}

int tls_examine_trusted(struct arena *arena, const struct tls_pem *pem, struct slice **certificates,
                        uint32_t *count, struct diag_list *diags)
{
    struct trust_reading reading = {arena, NULL, 0, pem->place, diags};
    int result;

    reading.certificates = ARENA_ARRAY(arena, struct slice, TLS_TRUST_MAX);
    result = read_certificates(pem->bytes, pem->place, take_trusted, &reading, diags);
    *certificates = reading.certificates;
    *count = result == 0 ? reading.count : 0;
    return result;
}

EVP_PKEY *examine_read_key(struct slice pem, struct diag_place place, struct diag_list *diags)
{
    BIO *bio = pem.len > 0 ? open_pem(pem) : NULL;
    bool asked = false;
    EVP_PKEY *key;

    if (!bio) {
        diag_error(diags, place, "the key file is %s", pem.len ? "too large" : "empty");
        return NULL;
    }
    ERR_clear_error();
    key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &asked);
    if (!key && asked)
        diag_error(diags, place, "the key is encrypted; only keys without passphrase can be used");
    else if (!key && !memmem(pem.data, pem.len, "PRIVATE KEY-----", 16))
        diag_error(diags, place, "no private key in PEM form in the file");
    else if (!key)
        diag_error(diags, place, "the key cannot be read: %s", reason_of(ERR_peek_last_error()));
    ERR_clear_error();
    BIO_free(bio);
    return key;
}
