/* SPDX-License-Identifier: MIT */
/* The phase in which a request finds its location, with what is judged there, as in nginx: a slash
 * that is missing, and the length of its body. */
#include "dispatch_internal.h"

enum dispatch_verdict redirect_to_slash(struct dispatch *dispatch)
{
    struct exchange *exchange = dispatch->exchange;
    struct slice query = exchange->request.query;
    if (!tenant_wants_slash(dispatch->server, dispatch->path))
        return DISPATCH_CONTINUE;
    struct slice path = http_path_encode(&exchange->arena, dispatch->path);
    reply_redirect(dispatch, 301,
                   arena_printf(&exchange->arena, "%.*s/%s%.*s", SLICE_PRINTF(path),
                                query.len > 0 ? "?" : "", SLICE_PRINTF(query)));
    return DISPATCH_DONE;
}

bool dispatch_body_is_too_large(const struct exchange *exchange,
                                const struct config_settings *settings, uint64_t bytes)
{
    uint64_t most = settings->client_max_body_size;
    return most != 0 && bytes > most && !exchange->request_body.discards;
}

enum dispatch_verdict find_location(struct dispatch *dispatch)
{
    dispatch->location = tenant_find_location(dispatch->server, dispatch->path);
    if (!dispatch->location)
        return reply_refuse(dispatch->exchange, dispatch, ERROR_NOT_FOUND);
    dispatch->settings = dispatch->location->config->settings;
    int64_t length = dispatch->exchange->request.content_length;
    if (length > 0 &&
        dispatch_body_is_too_large(dispatch->exchange, dispatch->settings, (uint64_t)length))
        return reply_refuse(dispatch->exchange, dispatch, ERROR_BODY_TOO_LARGE);
    return DISPATCH_CONTINUE;
}
