/* SPDX-License-Identifier: MIT */
/* Digests that protocols ask for. */
#ifndef TLS_DIGEST_H
#define TLS_DIGEST_H

#include "base/slice.h"

/* Lengths of the values of Sec-WebSocket-Key and Sec-WebSocket-Accept; a NUL stands behind each. */
#define WEBSOCKET_KEY    24
#define WEBSOCKET_ACCEPT 28

/* A fresh key (RFC 6455 section 4.1). */
void websocket_key(char key[WEBSOCKET_KEY + 1]);

/* What a server answers a key of WEBSOCKET_KEY bytes with (RFC 6455 section 4.2.2). */
void websocket_accept(const char *key, char accept[WEBSOCKET_ACCEPT + 1]);

#endif
