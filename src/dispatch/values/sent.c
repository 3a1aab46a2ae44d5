/* SPDX-License-Identifier: MIT */
/* Variables of the response, as it went to the client. */
#include "dispatch_internal.h"

/* nginx has three digits, also where there is none. */
static struct slice status(struct dispatch *dispatch)
{
    int value = dispatch->is_over ? dispatch->status : dispatch->exchange->response.status;
    if (value > 0)
        return value_number(dispatch, (uint64_t)value);
    return dispatch->is_over ? SLICE("000") : (struct slice){0};
}

struct slice sent_value(struct dispatch *dispatch, enum config_variable variable)
{
    const struct exchange *exchange = dispatch->exchange;
    switch (variable) {
    case VARIABLE_STATUS:
        return status(dispatch);
    case VARIABLE_BODY_BYTES_SENT:
        return value_number(dispatch, exchange->response_body_bytes);
    case VARIABLE_BYTES_SENT:
        return value_number(dispatch, exchange->response_bytes);
    default: /* $request_completion */
        return exchange->response_started && exchange_pipe_is_done(&exchange->response_body)
                   ? SLICE("OK")
                   : SLICE("");
    }
}

/* What the codecs make of the response is not among its fields. */
static struct slice framing_field(struct dispatch *dispatch, enum http_field_id id)
{
    const struct exchange *exchange = dispatch->exchange;
    const struct http_response *response = &exchange->response;
    bool is_http1 = exchange->request.version != HTTP_2;
    if (!exchange->response_started)
        return (struct slice){0};
    if (id == FIELD_CONTENT_LENGTH && response->content_length >= 0 &&
        (response->content_length > 0 || response->has_body))
        return value_number(dispatch, (uint64_t)response->content_length);
    if (id == FIELD_TRANSFER_ENCODING && response->content_length < 0 && response->has_body &&
        exchange->request.version == HTTP_1_1)
        return SLICE("chunked");
    if (id == FIELD_CONNECTION && is_http1)
        return exchange->is_tunnel ? SLICE("upgrade")
               : exchange->is_last ? SLICE("close")
                                   : SLICE("keep-alive");
    return (struct slice){0};
}

struct slice sent_field(struct dispatch *dispatch, struct slice name)
{
    struct exchange *exchange = dispatch->exchange;
    /* What a server or a phase has made of a response that was never begun. */
    if (dispatch->is_over && !exchange->response_started)
        return (struct slice){0};
    struct slice value =
        lookup_joined(&exchange->arena, &exchange->response.fields, name, SLICE(", "));
    return value.data ? value : framing_field(dispatch, http_field_lookup(name));
}
