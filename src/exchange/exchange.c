/* SPDX-License-Identifier: MIT */
/* The exchange: pipes between two ends, and who is told what. */
#include "exchange_internal.h"

#include "base/container_of.h"
#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

/* One block holds the heads of an ordinary exchange, so that a recycled one allocates nothing. */
#define ARENA_BLOCK 8192
/* Bytes that an exchange stands for besides: itself, and what both ends have for it. */
#define STANDING (sizeof(struct exchange) + 1024)
/* What a peak leaves is kept for the next one: 2 MiB of blocks at most. */
#define FREE_MAX 256

void exchange_pool_init(struct exchange_pool *pool, struct loop *loop)
{
    SLIST_INIT(&pool->free);
    pool->free_count = 0;
    pool->free_least = 0;
    pool->in_use = 0;
    pool->loop = loop;
}

static void drop_free(struct exchange_pool *pool, unsigned count)
{
    for (; count > 0; count--) {
        struct exchange *exchange = SLIST_FIRST(&pool->free);
        SLIST_REMOVE_HEAD(&pool->free, free_next);
        pool->free_count--;
        arena_free(&exchange->arena);
        free(exchange);
    }
}

void exchange_pool_free(struct exchange_pool *pool)
{
    drop_free(pool, pool->free_count);
}

void exchange_pool_trim(struct exchange_pool *pool)
{
    drop_free(pool, pool->free_least);
    pool->free_least = pool->free_count;
}

static void on_grave(struct loop_task *task)
{
    struct exchange *exchange = CONTAINER_OF(task, struct exchange, grave);
    struct exchange_pool *pool = exchange->pool;
    struct account *account = exchange->arena.account;
    pool->in_use--;
    arena_charge(&exchange->arena, NULL);
    account_give_standing(account, STANDING);
    if (pool->free_count == FREE_MAX) {
        arena_free(&exchange->arena);
        free(exchange);
        return;
    }
    arena_reset(&exchange->arena);
    SLIST_INSERT_HEAD(&pool->free, exchange, free_next);
    pool->free_count++;
}

static void pipe_init(struct exchange_pipe *pipe, struct exchange *exchange)
{
    chain_init(&pipe->bytes, &exchange->loop->buffers);
    http_fields_init(&pipe->trailers, &exchange->arena);
}

struct exchange *exchange_new(struct exchange_pool *pool, const struct exchange_front *ops,
                              void *front, const struct exchange_client *client)
{
    struct exchange *exchange = SLIST_FIRST(&pool->free);
    struct arena arena;
    if (exchange) {
        SLIST_REMOVE_HEAD(&pool->free, free_next);
        pool->free_count--;
        if (pool->free_count < pool->free_least)
            pool->free_least = pool->free_count;
        arena = exchange->arena;
    } else {
        exchange = memory_alloc(sizeof(*exchange));
        arena_init(&arena, ARENA_BLOCK);
    }
    arena_charge(&arena, pool->loop->buffers.account);
    account_take_standing(arena.account, STANDING);
    pool->in_use++;
    *exchange = (struct exchange){.arena = arena,
                                  .loop = pool->loop,
                                  .pool = pool,
                                  .client = client,
                                  .front_ops = ops,
                                  .front = front,
                                  .started = loop_now(pool->loop),
                                  .grave = {.run = on_grave}};
    pipe_init(&exchange->request_body, exchange);
    pipe_init(&exchange->response_body, exchange);
    chain_init(&exchange->kept, &exchange->loop->buffers);
    http_fields_init(&exchange->request.fields, &exchange->arena);
    http_fields_init(&exchange->forward.fields, &exchange->arena);
    http_fields_init(&exchange->response.fields, &exchange->arena);
    return exchange;
}

/* ---- telling the ends ---- */

static void tell_back_body(struct exchange *exchange)
{
    if (exchange->back)
        exchange->back_ops->on_body(exchange->back, exchange);
}

static void tell_front_body(struct exchange *exchange)
{
    if (!exchange->is_closed)
        exchange->front_ops->on_body(exchange->front, exchange);
}

/* ---- pipes ---- */

/* Takes the bytes in. Returns whether somebody should hear of them. */
static bool pipe_push(struct exchange_pipe *pipe, struct chain *bytes)
{
    pipe->passed += bytes->len;
    if (pipe->discards || pipe->state != PIPE_OPEN) {
        chain_clear(bytes);
        return false;
    }
    if (bytes->len == 0)
        return false;
    chain_move(&pipe->bytes, bytes, bytes->len);
    return true;
}

/* What a push answers, once its reader has had a chance to take the bytes. */
static bool pipe_after_push(struct exchange_pipe *pipe)
{
    bool has_room = exchange_pipe_has_room(pipe);
    pipe->is_waiting = !has_room;
    return has_room;
}

bool exchange_push_request(struct exchange *exchange, struct chain *bytes)
{
    if (pipe_push(&exchange->request_body, bytes))
        tell_back_body(exchange);
    return pipe_after_push(&exchange->request_body);
}

bool exchange_push_response(struct exchange *exchange, struct chain *bytes)
{
    if (pipe_push(&exchange->response_body, bytes))
        tell_front_body(exchange);
    return pipe_after_push(&exchange->response_body);
}

void exchange_end_request(struct exchange *exchange, enum pipe_state state)
{
    if (exchange->request_body.state != PIPE_OPEN)
        return;
    exchange->request_body.state = state;
    if (state == PIPE_BROKEN)
        kept_stop(exchange);
    if (state == PIPE_ENDED && exchange->mediator_ops && exchange->mediator_ops->on_request_ended)
        exchange->mediator_ops->on_request_ended(exchange->mediator, exchange);
    tell_back_body(exchange);
}

void exchange_end_response(struct exchange *exchange, enum pipe_state state)
{
    if (exchange->response_body.state != PIPE_OPEN)
        return;
    exchange->response_body.state = state;
    tell_front_body(exchange);
}

void exchange_reopen_request(struct exchange *exchange)
{
    if (exchange->request_body.state == PIPE_ENDED)
        exchange->request_body.state = PIPE_OPEN;
}

void exchange_settle_length(struct exchange *exchange)
{
    const struct exchange_pipe *pipe = &exchange->request_body;
    struct http_request *forward = &exchange->forward;
    if (forward->version == HTTP_2 && forward->content_length == HTTP_LENGTH_UNKNOWN &&
        pipe->state == PIPE_ENDED && pipe->trailers.count == 0)
        forward->content_length = (int64_t)pipe->passed;
}

/* Moves bytes out. Returns whether the writer, who waits, is to be told of the room. */
static bool pipe_take(struct exchange_pipe *pipe, struct chain *into, size_t limit, size_t *taken)
{
    size_t before = pipe->bytes.len;
    chain_move(into, &pipe->bytes, limit);
    *taken = before - pipe->bytes.len;
    if (!pipe->is_waiting || pipe->bytes.len >= EXCHANGE_PIPE_LIMIT / 2)
        return false;
    pipe->is_waiting = false;
    return true;
}

size_t exchange_take_request(struct exchange *exchange, struct chain *into, size_t limit)
{
    size_t taken, before = into->len;
    bool has_room = pipe_take(&exchange->request_body, into, limit, &taken);
    if (exchange->allowance)
        kept_add(exchange, into, before);
    if (has_room && !exchange->is_closed)
        exchange->front_ops->on_room(exchange->front, exchange);
    return taken;
}

size_t exchange_take_response(struct exchange *exchange, struct chain *into, size_t limit)
{
    size_t taken, allowed = SIZE_MAX;
    if (exchange->pace)
        allowed = pace_allows(exchange);
    bool has_room =
        pipe_take(&exchange->response_body, into, limit < allowed ? limit : allowed, &taken);
    if (exchange->pace)
        pace_note(exchange, taken, allowed);
    if (has_room && exchange->back)
        exchange->back_ops->on_room(exchange->back, exchange);
    return taken;
}

void exchange_discard_request(struct exchange *exchange)
{
    struct exchange_pipe *pipe = &exchange->request_body;
    pipe->discards = true;
    chain_clear(&pipe->bytes);
    kept_stop(exchange);
    if (!pipe->is_waiting || exchange->is_closed)
        return;
    pipe->is_waiting = false;
    exchange->front_ops->on_room(exchange->front, exchange);
}

/* ---- what is measured ---- */

static struct metrics_cells *figures_of(const struct exchange *exchange)
{
    struct metrics_cells *const *figures = exchange->client ? exchange->client->figures : NULL;
    return figures ? *figures : NULL;
}

/* A request that has a head, be it a wrong one. */
static void count_request(const struct exchange *exchange)
{
    struct metrics_cells *cells = figures_of(exchange);
    unsigned status = exchange->response_started ? (unsigned)exchange->response.status : 0;
    if (exchange->connection_requests == 0)
        return;
    metrics_add_label(
        cells, METRIC_REQUESTS,
        metric_request(exchange->client->is_http2 ? METRIC_PROTOCOL_H2 : METRIC_PROTOCOL_H1,
                       status),
        1);
    metrics_observe(cells, METRIC_REQUEST_DURATION, loop_now(exchange->loop) - exchange->started);
    metrics_add(cells, METRIC_RECEIVED, exchange->request_bytes);
    metrics_add(cells, METRIC_SENT, exchange->response_bytes);
}

/* ---- the frontend ---- */

void exchange_close(struct exchange *exchange)
{
    assert(!exchange->is_closed);
    exchange->is_closed = true;
    count_request(exchange);
    exchange_abort_back(exchange);
    kept_stop(exchange);
    pace_stop(exchange);
    if (exchange->mediator_ops)
        exchange->mediator_ops->on_close(exchange->mediator, exchange);
    chain_clear(&exchange->request_body.bytes);
    chain_clear(&exchange->response_body.bytes);
    loop_bury(exchange->loop, &exchange->grave);
}

/* ---- the mediator ---- */

void exchange_set_mediator(struct exchange *exchange, const struct exchange_mediator *ops,
                           void *mediator)
{
    exchange->mediator_ops = ops;
    exchange->mediator = mediator;
}

void exchange_attach(struct exchange *exchange, const struct exchange_back *ops, void *back)
{
    assert(!exchange->back);
    exchange->back_ops = ops;
    exchange->back = back;
}

void exchange_abort_back(struct exchange *exchange)
{
    void *back = exchange->back;
    if (!back)
        return;
    exchange->back = NULL;
    exchange->back_ops->on_abort(back, exchange);
}

void exchange_pass_response(struct exchange *exchange)
{
    if (exchange->is_closed)
        return;
    exchange->response_started = exchange->response.status >= 200 || exchange->is_tunnel;
    if (exchange->response_started) {
        kept_stop(exchange);
        metrics_observe(figures_of(exchange), METRIC_FIRST_BYTE,
                        loop_now(exchange->loop) - exchange->started);
    }
    exchange->front_ops->on_response(exchange->front, exchange);
}

/* ---- the backend ---- */

void exchange_respond(struct exchange *exchange)
{
    assert(exchange->back);
    if (exchange->response.status >= 200 || exchange->response.status == 101)
        exchange->response_at = loop_now(exchange->loop);
    exchange->mediator_ops->on_response(exchange->mediator, exchange);
}

/* A tunnel's client may be the last one left, and waits for nothing that would still come. */
static void tell_front_left(struct exchange *exchange)
{
    if (exchange->is_tunnel && !exchange->is_closed)
        exchange->front_ops->on_room(exchange->front, exchange);
}

void exchange_detach(struct exchange *exchange)
{
    exchange->back = NULL;
    tell_front_left(exchange);
}

void exchange_fail_back(struct exchange *exchange, enum error error, bool untouched)
{
    assert(exchange->back);
    exchange->back = NULL;
    if (exchange->is_closed)
        return;
    bool is_cut = exchange->response_started;
    if (is_cut)
        exchange->error = error;
    exchange->mediator_ops->on_back_failed(exchange->mediator, exchange, error, untouched);
    if (is_cut && !exchange->is_closed)
        exchange_end_response(exchange, PIPE_BROKEN);
    tell_front_left(exchange);
}
