/* SPDX-License-Identifier: MIT */
/* WebSocket to a server of HTTP/2 (RFC 8441): the half of RFC 6455's handshake that has no place
 * there is made here, for the frontend asked as HTTP/1.1 does. */
#include "h2/h2_internal.h"

#include "tls/digest.h"

#define ACCEPT_NAME SLICE("Sec-WebSocket-Accept")

void back_h2_call_accept_websocket(const struct back_h2_call *call)
{
    struct exchange *exchange = call->exchange;
    struct http_fields *fields = &exchange->response.fields;
    const struct http_field *key =
        http_fields_find_name(&exchange->forward.fields, SLICE("sec-websocket-key"));
    if (!slice_equal_nocase(exchange->forward.upgrade, SLICE("websocket")) || !key ||
        key->value.len != WEBSOCKET_KEY || http_fields_find_name(fields, ACCEPT_NAME))
        return;
    char *accept = arena_alloc(&exchange->arena, WEBSOCKET_ACCEPT + 1);
    websocket_accept(key->value.data, accept);
    http_fields_add(fields, ACCEPT_NAME, (struct slice){accept, WEBSOCKET_ACCEPT});
}
