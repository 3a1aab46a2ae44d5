/* SPDX-License-Identifier: MIT */
/* `return` of a server, and of a location: in the phases of rewriting. */
#include "dispatch_internal.h"

static enum dispatch_verdict answer_with(struct dispatch *dispatch,
                                         const struct config_return *answer)
{
    if (answer->status == 0)
        return DISPATCH_CONTINUE;
    struct slice text = variables_evaluate(dispatch, &answer->text);
    if (answer->is_redirect) {
        reply_redirect(dispatch, answer->status, slice_trim(text));
        return DISPATCH_DONE;
    }
    struct reply reply = {.status = answer->status, .body = text};
    if (text.len == 0 && answer->status >= 300)
        reply.body = reply_plain_text(dispatch->exchange, answer->status);
    reply_send(dispatch->exchange, dispatch, &reply);
    return DISPATCH_DONE;
}

enum dispatch_verdict return_of_server(struct dispatch *dispatch)
{
    return answer_with(dispatch, &dispatch->server->config->answer);
}

enum dispatch_verdict return_of_location(struct dispatch *dispatch)
{
    return answer_with(dispatch, &dispatch->location->config->answer);
}
