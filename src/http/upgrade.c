/* SPDX-License-Identifier: MIT */
/* Which protocol a request may be switched to (RFC 9110 section 7.8), and which one a 101 names. */
#include "http/message.h"

/* What goes through: WebSocket by a GET without content (RFC 6455 section 4.1), and the two by
 * which container and cluster command lines exec, attach and forward ports, whatever the method.
 * Every other protocol stays here; above all HTTP itself: h2c would carry requests past every rule
 * of this gateway. */
static bool is_handed_on(const struct http_request *request, struct slice protocol)
{
    if (http_is_websocket(protocol))
        return request->method == METHOD_GET && request->content_length == 0;
    return slice_equal_nocase(protocol, SLICE("spdy/3.1")) ||
           slice_equal_nocase(protocol, SLICE("tcp"));
}

bool http_is_websocket(struct slice protocol)
{
    return slice_equal_nocase(protocol, SLICE("websocket"));
}

struct slice http_upgrade_choose(const struct http_request *request)
{
    const struct http_fields *fields = &request->fields;
    if (request->version != HTTP_1_1 || !http_fields_find(fields, FIELD_UPGRADE) ||
        !http_fields_has_token(fields, FIELD_CONNECTION, SLICE("upgrade")))
        return (struct slice){0};
    for (uint32_t i = 0; i < fields->count; i++) {
        struct slice rest = fields->items[i].value;
        struct slice protocol;
        while (fields->items[i].id == FIELD_UPGRADE && http_list_next(&rest, &protocol)) {
            if (is_handed_on(request, protocol))
                return protocol;
        }
    }
    return (struct slice){0};
}

bool http_upgrade_confirms(const struct http_fields *fields, struct slice protocol)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        struct slice rest = fields->items[i].value;
        struct slice named;
        while (fields->items[i].id == FIELD_UPGRADE && http_list_next(&rest, &named)) {
            if (!slice_equal_nocase(named, protocol))
                return false;
        }
    }
    return protocol.len > 0;
}
