/* SPDX-License-Identifier: MIT */
/* Digests that protocols ask for, by OpenSSL. */
#include "tls/digest.h"

#include "base/memory.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <sys/random.h>

#define GUID       "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_BYTES  16
#define SHA1_BYTES 20

void websocket_key(char key[WEBSOCKET_KEY + 1])
{
    unsigned char random[KEY_BYTES];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        memory_exhausted(sizeof(random));
    EVP_EncodeBlock((unsigned char *)key, random, sizeof(random));
}

void websocket_accept(const char *key, char accept[WEBSOCKET_ACCEPT + 1])
{
    char text[WEBSOCKET_KEY + sizeof(GUID)];
    unsigned char digest[SHA1_BYTES];

    memcpy(text, key, WEBSOCKET_KEY);
    memcpy(text + WEBSOCKET_KEY, GUID, sizeof(GUID));
    if (EVP_Digest(text, sizeof(text) - 1, digest, NULL, EVP_sha1(), NULL) != 1) {
        /* It can only fail for want of memory. */
        ERR_clear_error();
        memory_exhausted(sizeof(text));
    }
    EVP_EncodeBlock((unsigned char *)accept, digest, sizeof(digest));
}
