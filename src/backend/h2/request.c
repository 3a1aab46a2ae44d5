/* SPDX-License-Identifier: MIT */
/* The body of a request on its way to the server, pulled by the session as windows allow. */
#include "h2/h2_internal.h"

/* Why the stream must be broken off; ERROR_NONE when all is well. */
static enum error check(const struct back_h2_call *call)
{
    const struct exchange *exchange = call->exchange;
    const struct exchange_pipe *pipe = &exchange->request_body;
    int64_t length = exchange->forward.content_length;
    if (pipe->state == PIPE_BROKEN)
        return ERROR_CLIENT_GONE;
    if (call->is_connect || length == HTTP_LENGTH_UNKNOWN)
        return ERROR_NONE;
    /* RFC 9113 section 8.1.1: the server would find the request malformed. */
    bool is_short = exchange_pipe_is_done(pipe) && call->taken < (uint64_t)length;
    return is_short || call->taken > (uint64_t)length ? ERROR_LENGTH : ERROR_NONE;
}

static enum h2_read end(struct back_h2_call *call, const struct http_fields **trailers)
{
    call->sending = BACK_H2_SENT;
    call->read_at = loop_now(call->connection->loop);
    if (call->exchange->request_body.trailers.count > 0)
        *trailers = &call->exchange->request_body.trailers;
    return H2_READ_END;
}

enum h2_read back_h2_call_on_read(void *object, struct chain *to, size_t max,
                                  const struct http_fields **trailers)
{
    struct back_h2_call *call = object;
    struct exchange *exchange = call->exchange;
    /* Complete, so that the session is about to end it; or a tunnel that is not open yet. */
    if (!exchange || (call->is_connect && !exchange->is_tunnel))
        return H2_READ_WAIT;

    struct chain piece;
    chain_init(&piece, &call->connection->loop->buffers);
    size_t taken = exchange_take_request(exchange, &piece, max);
    /* Taking may have called the frontend, and the frontend may have closed. */
    if (call->exchange != exchange) {
        chain_clear(&piece);
        return H2_READ_WAIT;
    }
    call->taken += taken;
    call->error = check(call);
    if (call->error != ERROR_NONE) {
        chain_clear(&piece);
        return H2_READ_BROKEN;
    }
    if (taken > 0)
        call->sent_at = loop_now(call->connection->loop);
    chain_move(to, &piece, taken);
    if (exchange_pipe_is_done(&exchange->request_body))
        return end(call, trailers);
    call->is_starved = exchange->request_body.bytes.len == 0;
    return taken > 0 ? H2_READ_MORE : H2_READ_WAIT;
}
