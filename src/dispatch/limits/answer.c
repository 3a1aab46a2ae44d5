/* SPDX-License-Identifier: MIT */
/* What limit_req and limit_conn share: keys and answers. */
#include "dispatch_internal.h"

#include <stdio.h>

struct slice limit_key(struct dispatch *dispatch, const struct config_zone *zone, size_t most)
{
    struct slice key = variables_evaluate(dispatch, &zone->key);
    char text[160];
    if (key.len <= most)
        return key;
    snprintf(text, sizeof(text), "the value of the key of zone \"%.*s\" is more than %zu bytes",
             SLICE_PRINTF(zone->name), most);
    report_note(dispatch, LOG_LEVEL_ERROR, text);
    return (struct slice){0};
}

enum dispatch_verdict limit_refuse(struct dispatch *dispatch,
                                   const struct config_limit_manner *manner)
{
    struct exchange *exchange = dispatch->exchange;
    if (manner->status != STATUS_CLOSE) {
        reply_error(exchange, dispatch, ERROR_NONE, (int)manner->status);
        return DISPATCH_DONE;
    }
    exchange->response.status = STATUS_CLOSE;
    exchange_end_response(exchange, PIPE_BROKEN);
    return DISPATCH_DONE;
}
