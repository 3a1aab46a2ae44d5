/* SPDX-License-Identifier: MIT */
/* WebSocket to a server of HTTP/2 (RFC 8441): the half of RFC 6455's handshake that has no place
 * there is made here, for the frontend asked as HTTP/1.1 does. */
#include "h2/h2_internal.h"

#include "tls/digest.h"

#define GUID          "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_LEN       24
#define ACCEPT_LEN    28
#define ACCEPT_NAME   SLICE("Sec-WebSocket-Accept")
#define DIGEST_PADDED 21

/* RFC 4648 section 4, of a SHA-1. */
static void encode(const unsigned char digest[DIGEST_PADDED], char out[ACCEPT_LEN])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < DIGEST_PADDED; i += 3) {
        unsigned bits = (unsigned)digest[i] << 16 | (unsigned)digest[i + 1] << 8 | digest[i + 2];
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = digits[bits >> 6 & 63];
        *out++ = digits[bits & 63];
    }
    out[-1] = '=';
}

void back_h2_call_accept_websocket(const struct back_h2_call *call)
{
    struct exchange *exchange = call->exchange;
    struct http_fields *fields = &exchange->response.fields;
    const struct http_field *key =
        http_fields_find_name(&exchange->forward.fields, SLICE("sec-websocket-key"));
    if (!slice_equal_nocase(exchange->forward.upgrade, SLICE("websocket")) || key == NULL ||
        key->value.len != KEY_LEN || http_fields_find_name(fields, ACCEPT_NAME) != NULL)
        return;
    char text[KEY_LEN + sizeof(GUID)];
    unsigned char digest[DIGEST_PADDED] = {0};
    memcpy(text, key->value.data, KEY_LEN);
    memcpy(text + KEY_LEN, GUID, sizeof(GUID));
    tls_sha1((struct slice){text, sizeof(text) - 1}, digest);
    char *accept = arena_alloc(&exchange->arena, ACCEPT_LEN);
    encode(digest, accept);
    http_fields_add(fields, ACCEPT_NAME, (struct slice){accept, ACCEPT_LEN});
}
