/* SPDX-License-Identifier: MIT */
/* Digests that protocols ask for, by OpenSSL. */
#include "tls/digest.h"

#include "base/memory.h"

#include <openssl/err.h>
#include <openssl/evp.h>

void tls_sha1(struct slice data, unsigned char out[TLS_SHA1])
{
    if (EVP_Digest(data.data, data.len, out, NULL, EVP_sha1(), NULL) != 1) {
        /* It can only fail for want of memory. */
        ERR_clear_error();
        memory_exhausted(data.len);
    }
}
