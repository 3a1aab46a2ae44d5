/* SPDX-License-Identifier: MIT */
/* Clients' certificates: asked for, judged, and told of. */
#include "tls_internal.h"

#include "base/arena.h"

#include <openssl/err.h>
#include <stdlib.h>

/* Bytes that the texts of an ordinary certificate take. */
#define PEER_BLOCK 512

bool tls_verification_equal(const struct tls_verification *a, const struct tls_verification *b)
{
    return memcmp(a->hash, b->hash, sizeof(a->hash)) == 0;
}

/* ---- asking ---- */

/* Whatever it says, the handshake goes on: OpenSSL keeps the verdict, also in the session. */
static int on_verified(int is_good, X509_STORE_CTX *store)
{
    (void)is_good;
    (void)store;
    return 1;
}

bool tls_verification_apply(const struct tls_verification *verification, SSL *ssl)
{
    STACK_OF(X509_NAME) * names;

    if (verification->mode == TLS_VERIFY_OFF)
        return true;
    SSL_set_verify(ssl, SSL_VERIFY_PEER, on_verified);
    SSL_set_verify_depth(ssl, (int)verification->depth);
    /* Without one, the context's store stays, which is empty. */
    if (verification->trust &&
        !SSL_set1_verify_cert_store(ssl, tls_trust_store(verification->trust)))
        return false;
    if (!verification->named)
        return true;
    /* A copy of the list only: copies of a thousand names would cost more than the handshake. */
    names = sk_X509_NAME_dup(tls_trust_names(verification->named));
    SSL_set_client_CA_list(ssl, names);
    return names;
}

void tls_verification_release(SSL *ssl)
{
    STACK_OF(X509_NAME) *lent = SSL_is_server(ssl) ? SSL_get_client_CA_list(ssl) : NULL;

    if (lent)
        sk_X509_NAME_zero(lent);
}

/* ---- judging ---- */

/* What nginx overlooks with optional_no_ca (ngx_ssl_verify_error_optional). */
static bool is_want_of_trust(long result)
{
    return result == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
           result == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
           result == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           result == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

/* OpenSSL's verdict, which a resumed session has kept from its first handshake: since then the
 * certificate may have expired. */
static long verdict(const SSL *ssl, const X509 *certificate)
{
    long result = SSL_get_verify_result(ssl);

    if (result == X509_V_OK && certificate &&
        X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return X509_V_ERR_CERT_HAS_EXPIRED;
    return result;
}

static enum error judge(enum tls_verify mode, bool has_certificate, long result)
{
    if (!has_certificate)
        return mode == TLS_VERIFY_ON ? ERROR_NO_CERTIFICATE : ERROR_NONE;
    if (result == X509_V_OK || (mode == TLS_VERIFY_OPTIONAL_NO_CA && is_want_of_trust(result)))
        return ERROR_NONE;
    return ERROR_BAD_CERTIFICATE;
}

/* ---- telling ---- */

struct peer {
    struct tls_peer told; /* what the owner sees */
    struct arena arena;
};

static struct slice take(struct arena *arena, BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);

    return len > 0 ? arena_slice(arena, (struct slice){data, (size_t)len}) : (struct slice){0};
}

static BIO *memory_bio(void)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (!bio)
        memory_exhausted(0);
    return bio;
}

/* One that is too long is not told at all: its head could be somebody else's name. */
static struct slice name_text(struct arena *arena, const X509_NAME *name)
{
    struct slice text = {0};
    BIO *bio = memory_bio();

    if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0 &&
        BIO_pending(bio) <= TLS_PEER_NAME_MAX)
        text = take(arena, bio);
    BIO_free(bio);
    return text;
}

static void put_hexadecimal(char *text, const unsigned char *bytes, size_t len, const char *digits)
{
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
}

/* As i2a_ASN1_INTEGER has it, which breaks long ones into lines. */
static struct slice serial_text(struct arena *arena, const ASN1_INTEGER *serial)
{
    static const unsigned char zero = 0;
    const unsigned char *bytes = ASN1_STRING_get0_data(serial);
    int len = ASN1_STRING_length(serial);
    bool is_negative = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;
    char text[TLS_PEER_NAME_MAX];

    if (len <= 0) {
        bytes = &zero;
        len = 1;
    }
    if (2 * (size_t)len + 1 > sizeof(text))
        return (struct slice){0};
    text[0] = '-';
    put_hexadecimal(text + is_negative, bytes, (size_t)len, "0123456789ABCDEF");
    return arena_slice(arena, (struct slice){text, 2 * (size_t)len + is_negative});
}

static struct slice fingerprint_text(struct arena *arena, const X509 *certificate)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    char text[2 * EVP_MAX_MD_SIZE];
    unsigned len;

    if (!X509_digest(certificate, EVP_sha1(), hash, &len))
        return (struct slice){0};
    put_hexadecimal(text, hash, len, "0123456789abcdef");
    return arena_slice(arena, (struct slice){text, 2 * (size_t)len});
}

struct tls_peer *tls_peer_new(const struct stream *stream)
{
    const struct tls_connection *connection = stream_layer(stream);
    enum tls_verify mode = connection->server->verification.mode;
    const X509 *certificate = SSL_get0_peer_certificate(connection->ssl);
    long result = verdict(connection->ssl, certificate);
    struct tls_peer *told;
    struct peer *peer;

    if (mode == TLS_VERIFY_OFF)
        return NULL;
    peer = memory_zeroed(1, sizeof(*peer));
    arena_init(&peer->arena, PEER_BLOCK);
    told = &peer->told;
    told->error = judge(mode, certificate, result);
    told->verify = SLICE("NONE");
    if (!certificate)
        return told;
    told->verify = SLICE("SUCCESS");
    if (result != X509_V_OK)
        told->verify =
            arena_printf(&peer->arena, "FAILED:%s", X509_verify_cert_error_string(result));
    told->subject = name_text(&peer->arena, X509_get_subject_name(certificate));
    told->issuer = name_text(&peer->arena, X509_get_issuer_name(certificate));
    told->serial = serial_text(&peer->arena, X509_get0_serialNumber(certificate));
    told->fingerprint = fingerprint_text(&peer->arena, certificate);
    ERR_clear_error();
    return told;
}

void tls_peer_free(struct tls_peer *told)
{
    struct peer *peer = (struct peer *)(void *)told;

    if (!peer)
        return;
    arena_free(&peer->arena);
    free(peer);
}
