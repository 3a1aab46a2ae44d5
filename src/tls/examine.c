/* SPDX-License-Identifier: MIT */
/* A certificate chain and its key: whether they can be used, and what for how long. */
#include "examine_internal.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

/* What level 2 asks for (SSL_CTX_set_security_level(3)). */
#define SECURITY_BITS 112

static bool is_tls_key(const EVP_PKEY *key)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
    case EVP_PKEY_EC:
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
        return true;
    default:
        return false;
    }
}

/* One certificate against level 2, as OpenSSL would at every handshake. */
static int check_strength(X509 *certificate, uint32_t number, struct diag_place place,
                          struct diag_list *diags)
{
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    int bits, digest = NID_undef, kind = NID_undef;

    if (!key || !is_tls_key(key)) {
        diag_error(diags, place, "certificate %u has a kind of key that TLS cannot use", number);
        return ERROR_CERTIFICATE;
    }
    if (EVP_PKEY_get_security_bits(key) < SECURITY_BITS) {
        diag_error(diags, place, "the key of certificate %u is too small: %d bits", number,
                   EVP_PKEY_get_bits(key));
        return ERROR_CERTIFICATE;
    }
    /* Nobody verifies the signature that a root makes under itself. */
    if (X509_get_extension_flags(certificate) & EXFLAG_SS)
        return 0;
    if (!X509_get_signature_info(certificate, &digest, &kind, &bits, NULL) ||
        bits < SECURITY_BITS) {
        const char *name = OBJ_nid2sn(digest != NID_undef ? digest : kind);

        diag_error(diags, place, "the signature of certificate %u is too weak: %s", number,
                   name ? name : "unknown");
        return ERROR_CERTIFICATE;
    }
    return 0;
}

static int check_chain(const struct examine_chain *chain, struct diag_place place,
                       struct diag_list *diags)
{
    int result = 0;

    for (uint32_t i = 0; i < chain->ordered_count; i++)
        if (check_strength(chain->ordered[i], i + 1, place, diags) < 0)
            result = ERROR_CERTIFICATE;
    return result;
}

static int seconds_of(const ASN1_TIME *time, int64_t *seconds)
{
    struct tm parts;

    if (!ASN1_TIME_to_tm(time, &parts))
        return -1;
    *seconds = timegm(&parts);
    return 0;
}

static void format_day(int64_t seconds, char text[32])
{
    time_t at = (time_t)seconds;
    struct tm parts;

    if (!gmtime_r(&at, &parts) || strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        snprintf(text, 32, "an unknown time");
}

/* Dates of the whole chain: they are warned about, never refused. */
static int check_dates(const struct examine_chain *chain, int64_t now, struct tls_der *out,
                       struct diag_place place, struct diag_list *diags)
{
    for (uint32_t i = 0; i < chain->ordered_count; i++) {
        int64_t from, until;
        char text[32];

        if (seconds_of(X509_get0_notBefore(chain->ordered[i]), &from) < 0 ||
            seconds_of(X509_get0_notAfter(chain->ordered[i]), &until) < 0) {
            diag_error(diags, place, "certificate %u has a malformed date", i + 1);
            return ERROR_CERTIFICATE;
        }
        if (i == 0) {
            out->not_before = from;
            out->not_after = until;
        }
        if (now > until) {
            format_day(until, text);
            diag_warning(diags, place, "certificate %u expired at %s", i + 1, text);
        } else if (now < from) {
            format_day(from, text);
            diag_warning(diags, place, "certificate %u is not valid before %s", i + 1, text);
        }
    }
    return 0;
}

static struct slice certificate_der(struct arena *arena, const X509 *certificate)
{
    int len = i2d_X509(certificate, NULL);
    unsigned char *data, *end;

    if (len <= 0)
        return (struct slice){NULL, 0};
    data = end = arena_alloc(arena, (size_t)len);
    len = i2d_X509(certificate, &end);
    return (struct slice){(const char *)data, len > 0 ? (size_t)len : 0};
}

static struct slice key_der(struct arena *arena, const EVP_PKEY *key)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    unsigned char *encoded = NULL;
    struct slice der = {NULL, 0};
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &encoded) : 0;

    if (len > 0)
        der = arena_slice(arena, (struct slice){(const char *)encoded, (size_t)len});
    OPENSSL_clear_free(encoded, len > 0 ? (size_t)len : 0);
    PKCS8_PRIV_KEY_INFO_free(info);
    return der;
}

static struct slice serial_of(struct arena *arena, const X509 *certificate)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *text = number ? BN_bn2hex(number) : NULL;
    struct slice serial = {NULL, 0};

    if (text)
        serial = arena_slice(arena, slice_of(text));
    OPENSSL_free(text);
    BN_free(number);
    return serial;
}

static int encode(struct arena *arena, const struct examine_chain *chain, const EVP_PKEY *key,
                  struct tls_der *out)
{
    out->chain_count = chain->ordered_count;
    out->key = key_der(arena, key);
    out->serial = serial_of(arena, chain->ordered[0]);
    if (out->key.len == 0 || out->serial.len == 0)
        return ERROR_CERTIFICATE;
    for (uint32_t i = 0; i < chain->ordered_count; i++) {
        out->chain[i] = certificate_der(arena, chain->ordered[i]);
        if (out->chain[i].len == 0)
            return ERROR_CERTIFICATE;
    }
    return 0;
}

int tls_examine(struct arena *arena, const struct tls_pem_pair *pair, int64_t now,
                struct tls_der *out, struct diag_list *diags)
{
    struct diag_place certificate = pair->certificate.place;
    struct examine_chain chain = {.found_count = 0};
    int read = examine_read_chain(pair->certificate.bytes, certificate, &chain, diags);
    EVP_PKEY *decoded = examine_read_key(pair->key.bytes, pair->key.place, diags);
    int result = ERROR_CERTIFICATE;

    memset(out, 0, sizeof(*out));
    if (read < 0 || !decoded ||
        examine_order(&chain, decoded, certificate, pair->key.place, diags) < 0 ||
        check_chain(&chain, certificate, diags) < 0 ||
        check_dates(&chain, now, out, certificate, diags) < 0)
        goto done;
    result = encode(arena, &chain, decoded, out);
    if (result < 0)
        diag_error(diags, certificate, "the certificate or its key cannot be encoded");
done:
    ERR_clear_error();
    EVP_PKEY_free(decoded);
    for (uint32_t i = 0; i < chain.found_count; i++)
        X509_free(chain.found[i]);
    return result;
}
