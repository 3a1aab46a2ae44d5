/* SPDX-License-Identifier: MIT */
/* limit_rate: how fast a response goes to its client; a server may say it (X-Accel-Limit-Rate). */
#include "dispatch_internal.h"

#include <stdio.h>

/* 0, and told, for what is no size. */
static uint64_t size_of(struct dispatch *dispatch, const struct config_size *size)
{
    uint64_t bytes = size->bytes;
    char text[128];
    if (size->variable.count == 0)
        return bytes;
    struct slice value = variables_evaluate(dispatch, &size->variable);
    if (value.len == 0 || config_size_parse(value, &bytes) == 0)
        return bytes;
    snprintf(text, sizeof(text), "invalid size \"%.*s\"", SLICE_PRINTF(slice_head(value, 64)));
    report_note(dispatch, LOG_LEVEL_ERROR, text);
    return 0;
}

/* As with nginx a server's word counts more than ours. */
static uint64_t rate_of(struct dispatch *dispatch)
{
    const struct http_fields *fields = &dispatch->exchange->response.fields;
    uint64_t rate;
    for (uint32_t i = 0; !dispatch->is_own_reply && i < fields->count; i++)
        if (slice_equal_nocase(fields->items[i].name, SLICE("X-Accel-Limit-Rate")) &&
            slice_to_u64(slice_trim(fields->items[i].value), INT64_MAX, &rate) == 0)
            return rate;
    return limit_rate_in_force(dispatch);
}

/* A limit_rate that is made of $limit_rate has none. */
uint64_t limit_rate_in_force(struct dispatch *dispatch)
{
    if (dispatch->has_rate)
        return dispatch->rate;
    dispatch->has_rate = true;
    uint64_t rate = size_of(dispatch, &dispatch->settings->limit_rate);
    dispatch->has_rate = false;
    return rate;
}

enum dispatch_verdict limit_rate(struct dispatch *dispatch)
{
    struct exchange *exchange = dispatch->exchange;
    if (exchange->response.status < 200 || exchange->is_tunnel)
        return DISPATCH_CONTINUE;
    dispatch->rate = rate_of(dispatch);
    dispatch->has_rate = true;
    if (dispatch->rate > 0)
        exchange_pace_response(exchange, dispatch->rate,
                               size_of(dispatch, &dispatch->settings->limit_rate_after));
    return DISPATCH_CONTINUE;
}
