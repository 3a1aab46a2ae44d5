/* SPDX-License-Identifier: MIT */
/* The exchange: who is told what, when writers wait, and how it ends. */
#include "exchange/exchange.h"

#include <criterion/criterion.h>

static struct loop loop;
static struct exchange_pool pool;
static struct exchange *exchange;

/* What the three parties heard. */
static struct {
    unsigned front_response, front_body, front_room;
    unsigned back_body, back_room, back_abort;
    unsigned mediator_response, mediator_failed, mediator_close;
    enum error error;
    bool untouched;
    bool front_takes; /* the frontend takes what comes at once */
} heard;

static void front_response(void *front, struct exchange *x)
{
    cr_assert_eq(front, &heard);
    heard.front_response++;
    cr_assert_eq(x, exchange);
}

static void front_body(void *front, struct exchange *x)
{
    (void)front;
    heard.front_body++;
    if (!heard.front_takes)
        return;
    struct chain bytes;
    chain_init(&bytes, &loop.buffers);
    exchange_take_response(x, &bytes, SIZE_MAX);
    chain_clear(&bytes);
}

static void front_room(void *front, struct exchange *x)
{
    (void)front;
    (void)x;
    heard.front_room++;
}

static void back_body(void *back, struct exchange *x)
{
    (void)back;
    (void)x;
    heard.back_body++;
}

static void back_room(void *back, struct exchange *x)
{
    (void)back;
    (void)x;
    heard.back_room++;
}

static void back_abort(void *back, struct exchange *x)
{
    (void)back;
    (void)x;
    heard.back_abort++;
}

static void mediator_response(void *mediator, struct exchange *x)
{
    (void)mediator;
    heard.mediator_response++;
    exchange_pass_response(x);
}

static void mediator_failed(void *mediator, struct exchange *x, enum error error, bool untouched)
{
    (void)mediator;
    cr_assert_null(x->back);
    heard.mediator_failed++;
    heard.error = error;
    heard.untouched = untouched;
}

static void mediator_close(void *mediator, struct exchange *x)
{
    (void)mediator;
    (void)x;
    heard.mediator_close++;
}

static const struct exchange_front front_ops = {front_response, front_body, front_room};
static const struct exchange_back back_ops = {back_body, back_room, back_abort};
static const struct exchange_mediator mediator_ops = {.on_response = mediator_response,
                                                      .on_back_failed = mediator_failed,
                                                      .on_close = mediator_close};
static const struct exchange_client client;

static void begin(void)
{
    exchange = exchange_new(&pool, &front_ops, &heard, &client);
    exchange_set_mediator(exchange, &mediator_ops, NULL);
    exchange_attach(exchange, &back_ops, &heard);
}

static void start(void)
{
    loop_init(&loop);
    exchange_pool_init(&pool, &loop);
    begin();
}

/* One turn of the loop, in which the graves are emptied. */
static void turn(void)
{
    ev_run(loop.ev, EVRUN_NOWAIT);
}

static void stop(void)
{
    if (!exchange->is_closed)
        exchange_close(exchange);
    turn();
    cr_assert_eq(pool.in_use, 0);
    exchange_pool_free(&pool);
    loop_free(&loop);
}

TestSuite(exchange, .init = start, .fini = stop);

static bool push(bool (*to)(struct exchange *, struct chain *), size_t len)
{
    static const char zeros[4096];
    struct chain bytes;
    chain_init(&bytes, &loop.buffers);
    while (bytes.len < len)
        chain_append(&bytes, zeros,
                     len - bytes.len < sizeof zeros ? len - bytes.len : sizeof zeros);
    bool more = to(exchange, &bytes);
    cr_assert_eq(bytes.len, 0, "a push takes everything");
    return more;
}

static size_t take(size_t (*from)(struct exchange *, struct chain *, size_t), size_t limit)
{
    struct chain bytes;
    chain_init(&bytes, &loop.buffers);
    size_t taken = from(exchange, &bytes, limit);
    cr_assert_eq(bytes.len, taken);
    chain_clear(&bytes);
    return taken;
}

Test(exchange, a_peak_is_given_back)
{
    struct exchange *many[100];
    for (unsigned i = 0; i < 100; i++)
        many[i] = exchange_new(&pool, exchange->front_ops, &heard, exchange->client);
    for (unsigned i = 0; i < 100; i++)
        exchange_close(many[i]);
    ev_run(loop.ev, EVRUN_NOWAIT);
    for (int turns = 0; pool.free_count < 100; turns++) {
        cr_assert_lt(turns, 100);
        ev_run(loop.ev, EVRUN_NOWAIT);
    }
    exchange_pool_trim(&pool); /* the peak was in this time */
    cr_assert_eq(pool.free_count, 100);
    many[0] = exchange_new(&pool, exchange->front_ops, &heard, exchange->client);
    exchange_close(many[0]);
    while (pool.free_count < 100)
        ev_run(loop.ev, EVRUN_NOWAIT);
    exchange_pool_trim(&pool);
    cr_assert_eq(pool.free_count, 1);
}

Test(exchange, request_writer_waits_and_is_told)
{
    cr_assert(push(exchange_push_request, 1000));
    cr_assert_eq(heard.back_body, 1);
    cr_assert_not(push(exchange_push_request, EXCHANGE_PIPE_LIMIT));
    take(exchange_take_request, 1000);
    cr_assert_eq(heard.front_room, 0, "still more than half full");
    take(exchange_take_request, EXCHANGE_PIPE_LIMIT);
    cr_assert_eq(heard.front_room, 1);
    take(exchange_take_request, EXCHANGE_PIPE_LIMIT);
    cr_assert_eq(heard.front_room, 1, "told once per wait");
    cr_assert_eq(exchange->request_body.passed, 1000 + EXCHANGE_PIPE_LIMIT);
}

Test(exchange, reader_that_takes_at_once_never_makes_the_writer_wait)
{
    heard.front_takes = true;
    for (int i = 0; i < 10; i++)
        cr_assert(push(exchange_push_response, EXCHANGE_PIPE_LIMIT + 1));
    cr_assert_eq(heard.back_room, 0);
    cr_assert_eq(heard.front_body, 10);
}

Test(exchange, end_is_told_once_and_kept)
{
    push(exchange_push_request, 10);
    exchange_end_request(exchange, PIPE_ENDED);
    exchange_end_request(exchange, PIPE_BROKEN);
    cr_assert_eq(exchange->request_body.state, PIPE_ENDED);
    cr_assert_eq(heard.back_body, 2);
    cr_assert_not(exchange_pipe_is_done(&exchange->request_body));
    take(exchange_take_request, 10);
    cr_assert(exchange_pipe_is_done(&exchange->request_body));
    push(exchange_push_request, 10);
    cr_assert_eq(exchange->request_body.bytes.len, 0, "nothing goes in behind the end");
}

Test(exchange, a_request_that_has_ended_is_reopened_for_a_tunnel)
{
    push(exchange_push_request, 10);
    exchange_end_request(exchange, PIPE_ENDED);
    take(exchange_take_request, 10);
    exchange_reopen_request(exchange);
    cr_assert(push(exchange_push_request, 10));
    cr_assert_eq(take(exchange_take_request, 20), 10);
    exchange_end_request(exchange, PIPE_ENDED);
    cr_assert(exchange_pipe_is_done(&exchange->request_body));
    cr_assert_eq(heard.back_body, 4);
}

Test(exchange, a_broken_request_stays_broken)
{
    exchange_end_request(exchange, PIPE_BROKEN);
    exchange_reopen_request(exchange);
    cr_assert_eq(exchange->request_body.state, PIPE_BROKEN);
}

Test(exchange, a_request_of_http2_that_has_ended_has_a_length)
{
    struct http_request *forward = &exchange->forward;
    forward->version = HTTP_2;
    forward->content_length = HTTP_LENGTH_UNKNOWN;
    push(exchange_push_request, 10);
    exchange_settle_length(exchange);
    cr_assert_eq(forward->content_length, HTTP_LENGTH_UNKNOWN, "more may come");
    exchange_end_request(exchange, PIPE_ENDED);
    take(exchange_take_request, 4);
    exchange_settle_length(exchange);
    cr_assert_eq(forward->content_length, 10);
}

Test(exchange, a_length_is_not_made_up_for_chunks_and_trailers)
{
    struct http_request *forward = &exchange->forward;
    forward->version = HTTP_1_1;
    forward->content_length = HTTP_LENGTH_UNKNOWN;
    push(exchange_push_request, 10);
    exchange_end_request(exchange, PIPE_ENDED);
    exchange_settle_length(exchange);
    cr_assert_eq(forward->content_length, HTTP_LENGTH_UNKNOWN);
    forward->version = HTTP_2;
    http_fields_add(&exchange->request_body.trailers, SLICE("x-sum"), SLICE("1"));
    exchange_settle_length(exchange);
    cr_assert_eq(forward->content_length, HTTP_LENGTH_UNKNOWN);
}

Test(exchange, discarding_frees_a_waiting_writer)
{
    cr_assert_not(push(exchange_push_request, EXCHANGE_PIPE_LIMIT));
    exchange_discard_request(exchange);
    cr_assert_eq(heard.front_room, 1);
    cr_assert_eq(exchange->request_body.bytes.len, 0);
    cr_assert(push(exchange_push_request, EXCHANGE_PIPE_LIMIT * 2));
    cr_assert_eq(exchange->request_body.passed, EXCHANGE_PIPE_LIMIT * 3, "still counted");
}

Test(exchange, interim_responses_do_not_start_the_response)
{
    exchange->response.status = 103;
    exchange_respond(exchange);
    cr_assert_not(exchange->response_started);
    exchange->response.status = 200;
    exchange_respond(exchange);
    cr_assert(exchange->response_started);
    cr_assert_eq(heard.front_response, 2);
}

Test(exchange, failure_before_the_response_is_the_mediators_to_mend)
{
    exchange_fail_back(exchange, ERROR_CONNECT, true);
    cr_assert_eq(heard.mediator_failed, 1);
    cr_assert_eq(heard.error, ERROR_CONNECT);
    cr_assert(heard.untouched);
    cr_assert_eq(exchange->response_body.state, PIPE_OPEN);
    exchange_attach(exchange, &back_ops, &heard); /* the next one */
    exchange_detach(exchange);
}

Test(exchange, failure_behind_the_response_breaks_the_pipe)
{
    exchange->response.status = 200;
    exchange_respond(exchange);
    push(exchange_push_response, 10);
    exchange_fail_back(exchange, ERROR_BACKEND_TRUNCATED, false);
    cr_assert_eq(exchange->response_body.state, PIPE_BROKEN);
    cr_assert_eq(exchange->error, ERROR_BACKEND_TRUNCATED);
    cr_assert_eq(heard.front_body, 2);
}

Test(exchange, closing_tells_backend_and_mediator_once)
{
    push(exchange_push_response, 10);
    exchange_close(exchange);
    cr_assert_eq(heard.back_abort, 1);
    cr_assert_eq(heard.mediator_close, 1);
    unsigned before = heard.front_body;
    push(exchange_push_response, 10); /* a straggler in the same turn */
    cr_assert_eq(heard.front_body, before, "a closed frontend hears nothing");
    chain_clear(&exchange->response_body.bytes);
}

Test(exchange, a_recycled_exchange_is_fresh)
{
    arena_alloc(&exchange->arena, 100);
    struct exchange *old = exchange;
    exchange_close(exchange);
    cr_assert_eq(pool.in_use, 1, "the memory stays until the turn's end");
    turn();
    begin();
    cr_assert_eq(exchange, old);
    cr_assert_eq(exchange->request_body.state, PIPE_OPEN);
    cr_assert_eq(exchange->response_body.passed, 0);
    cr_assert_not(exchange->is_closed);
    cr_assert_eq(exchange->error, ERROR_NONE);
}
