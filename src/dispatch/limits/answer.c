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

/* nginx's: the first is its own, and the others stand for a client that is gone. */
static bool is_no_answer(uint32_t status)
{
    return status == 444 || status == 408 || status == 499;
}

enum dispatch_verdict limit_refuse(struct dispatch *dispatch,
                                   const struct config_limit_manner *manner)
{
    struct exchange *exchange = dispatch->exchange;
    if (!is_no_answer(manner->status)) {
        reply_error(exchange, dispatch, ERROR_NONE, (int)manner->status);
        return DISPATCH_DONE;
    }
    exchange->response.status = (int)manner->status;
    dispatch->is_unanswered = true;
    exchange_end_response(exchange, PIPE_BROKEN);
    return DISPATCH_DONE;
}
