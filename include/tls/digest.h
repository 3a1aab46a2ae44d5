/* SPDX-License-Identifier: MIT */
/* Digests that protocols ask for. */
#ifndef TLS_DIGEST_H
#define TLS_DIGEST_H

#include "base/slice.h"

#define TLS_SHA1 20

/* SHA-1 (RFC 3174), for protocols that were fixed to it and need no strength of it. */
void tls_sha1(struct slice data, unsigned char out[TLS_SHA1]);

#endif
