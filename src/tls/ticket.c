/* SPDX-License-Identifier: MIT */
/* Session tickets under a tenant's own keys, and what sessions are bound to. */
#include "tls_internal.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

/* A key: 16 bytes name, 32 HMAC-SHA256, 32 AES-256-CBC (RFC 5077 section 4). */
#define NAME_SIZE 16
#define MAC_SIZE  32
#define MAC_AT    NAME_SIZE
#define CIPHER_AT (NAME_SIZE + MAC_SIZE)

static int use_mac(EVP_MAC_CTX *mac, const unsigned char *key)
{
    unsigned char bytes[MAC_SIZE];
    char digest[] = "SHA256";
    OSSL_PARAM params[3];
    int done;

    memcpy(bytes, key + MAC_AT, sizeof(bytes));
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, bytes, sizeof(bytes));
    params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
    params[2] = OSSL_PARAM_construct_end();
    done = EVP_MAC_CTX_set_params(mac, params);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return done;
}

/* Verdicts as SSL_CTX_set_tlsext_ticket_key_evp_cb(3) has them: 1 used, 2 used and to be renewed,
 * 0 unknown key or no ticket, -1 error. */
int tls_ticket_on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                      EVP_MAC_CTX *mac, int encrypt)
{
    const struct tls_connection *connection = SSL_get_app_data(ssl);
    const struct tls_ticket_keys *keys = connection->server ? connection->server->tickets : NULL;
    const bool is_single_use = SSL_version(ssl) == TLS1_3_VERSION;
    const EVP_CIPHER *aes = connection->context->contexts->ticket_cipher;
    const unsigned char *key = NULL;
    uint32_t index = 0;

    if (!keys || keys->count == 0 || keys->count > 2)
        return 0;
    if (encrypt) {
        key = keys->keys[0];
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(aes)) != 1)
            return -1;
        memcpy(name, key, NAME_SIZE);
        if (!EVP_EncryptInit_ex2(cipher, aes, key + CIPHER_AT, iv, NULL) || !use_mac(mac, key))
            return -1;
        return 1;
    }

    for (index = 0; index < keys->count; index++)
        if (CRYPTO_memcmp(name, keys->keys[index], NAME_SIZE) == 0)
            break;
    if (index == keys->count)
        return 0;
    key = keys->keys[index];
    if (!use_mac(mac, key) || !EVP_DecryptInit_ex2(cipher, aes, key + CIPHER_AT, iv, NULL))
        return -1;
    /* In TLS 1.3 clients use a ticket once (RFC 8446 section C.4): each buys the next one. */
    return index == 0 && !is_single_use ? 1 : 2;
}

SSL_TICKET_RETURN tls_ticket_on_open(SSL *ssl, SSL_SESSION *session, const unsigned char *key_name,
                                     size_t key_name_len, SSL_TICKET_STATUS status, void *argument)
{
    struct tls_connection *connection = SSL_get_app_data(ssl);

    (void)key_name;
    (void)key_name_len;
    (void)argument;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    connection->session_ends = SSL_SESSION_get_time(session) + SSL_SESSION_get_timeout(session);
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* OpenSSL begins the time of a renewed TLS 1.3 session anew: a client could carry on for ever what
 * one handshake proved (RFC 8446 section 4.6.1). */
int tls_ticket_on_issue(SSL *ssl, void *argument)
{
    const struct tls_connection *connection = SSL_get_app_data(ssl);
    SSL_SESSION *session = SSL_get_session(ssl);
    long left = connection->session_ends - SSL_SESSION_get_time(session);

    (void)argument;
    if (SSL_session_reused(ssl))
        SSL_SESSION_set_timeout(session, left > 0 ? left : 0);
    return 1;
}

void tls_session_context(unsigned char out[32], const struct slice *parts, unsigned count)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool done = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL);

    for (unsigned i = 0; done && i < count; i++) {
        unsigned char len[8];

        /* With their lengths, or "ab", "c" would be "a", "bc". */
        for (unsigned j = 0; j < sizeof(len); j++)
            len[j] = (unsigned char)((uint64_t)parts[i].len >> (56 - 8 * j));
        done = EVP_DigestUpdate(hash, len, sizeof(len)) &&
               EVP_DigestUpdate(hash, parts[i].data, parts[i].len);
    }
    done = done && EVP_DigestFinal_ex(hash, out, NULL);
    EVP_MD_CTX_free(hash);
    /* SHA-256 of memory fails only for want of memory. */
    if (!done)
        memory_exhausted(0);
}
