/* SPDX-License-Identifier: MIT */
/* What is kept of a request's body, so that another attempt can begin with it. */
#include "exchange_internal.h"

#include <assert.h>

static void give_back(struct exchange *exchange)
{
    chain_clear(&exchange->kept);
    if (exchange->allowance)
        exchange->allowance->held -= exchange->kept_held;
    exchange->kept_held = 0;
}

void kept_stop(struct exchange *exchange)
{
    give_back(exchange);
    exchange->allowance = NULL;
}

void kept_add(struct exchange *exchange, const struct chain *into, size_t from)
{
    struct exchange_allowance *allowance = exchange->allowance;
    size_t len = into->len - from;
    if (exchange->kept.len + len > EXCHANGE_PIPE_LIMIT) {
        kept_stop(exchange);
        return;
    }
    size_t cost = chain_share(&exchange->kept, into, from, len);
    allowance->held += cost;
    exchange->kept_held += cost;
    if (allowance->held > allowance->most)
        kept_stop(exchange);
}

bool exchange_request_is_whole(const struct exchange *exchange)
{
    const struct exchange_pipe *pipe = &exchange->request_body;
    return !pipe->discards && pipe->state != PIPE_BROKEN &&
           pipe->passed == exchange->kept.len + pipe->bytes.len;
}

void exchange_keep_request(struct exchange *exchange, struct exchange_allowance *allowance)
{
    assert(exchange->kept.len == 0);
    exchange->allowance = allowance;
}

void exchange_rewind_request(struct exchange *exchange)
{
    struct exchange_pipe *pipe = &exchange->request_body;
    assert(!exchange->back);
    if (exchange->kept.len == 0)
        return;
    chain_move(&exchange->kept, &pipe->bytes, pipe->bytes.len);
    chain_move(&pipe->bytes, &exchange->kept, exchange->kept.len);
    /* No push has said so: a frontend that looks before it pushes would wait for nothing. */
    pipe->is_waiting = pipe->is_waiting || !exchange_pipe_has_room(pipe);
    give_back(exchange);
}
