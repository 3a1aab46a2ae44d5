/* SPDX-License-Identifier: MIT */
/* What is kept of a request's body: how much, for how long, and what the next attempt gets. */
#include "exchange/exchange.h"

#include <criterion/criterion.h>

static struct loop loop;
static struct exchange_pool pool;
static struct exchange *exchange;
static struct exchange_allowance allowance;
static bool front_closes; /* on hearing of room */
static unsigned rooms;    /* how often that was */

static void front_nothing(void *front, struct exchange *x)
{
    (void)front;
    (void)x;
}

static void front_room(void *front, struct exchange *x)
{
    (void)front;
    rooms++;
    if (front_closes)
        exchange_close(x);
}

static void back_nothing(void *back, struct exchange *x)
{
    (void)back;
    (void)x;
}

static void failed(void *mediator, struct exchange *x, enum error error, bool untouched)
{
    (void)mediator;
    (void)x;
    (void)error;
    (void)untouched;
}

static const struct exchange_front front_ops = {front_nothing, front_nothing, front_room};
static const struct exchange_back back_ops = {back_nothing, back_nothing, back_nothing};
static const struct exchange_mediator mediator_ops = {
    .on_response = front_nothing, .on_back_failed = failed, .on_close = front_nothing};
static const struct exchange_client client;

static void start(void)
{
    loop_init(&loop);
    exchange_pool_init(&pool, &loop);
    allowance = (struct exchange_allowance){.most = 1 << 20};
    front_closes = false;
    rooms = 0;
    exchange = exchange_new(&pool, &front_ops, NULL, &client);
    exchange_set_mediator(exchange, &mediator_ops, NULL);
    exchange_keep_request(exchange, &allowance);
    exchange_attach(exchange, &back_ops, &loop);
}

static void stop(void)
{
    if (!exchange->is_closed)
        exchange_close(exchange);
    cr_assert_eq(allowance.held, 0);
    ev_run(loop.ev, EVRUN_NOWAIT);
    exchange_pool_free(&pool);
    loop_free(&loop);
    cr_assert_eq(loop.buffers.held, 0, "all buffers are given back");
}

TestSuite(kept, .init = start, .fini = stop);

/* Bytes that tell their place. */
static void push(size_t from, size_t len)
{
    struct chain bytes;
    chain_init(&bytes, &loop.buffers);
    for (size_t i = from; i < from + len; i++) {
        char byte = (char)(i % 251);
        chain_append(&bytes, &byte, 1);
    }
    exchange_push_request(exchange, &bytes);
}

static void take(size_t from, size_t limit, size_t expected)
{
    struct chain bytes;
    static char text[EXCHANGE_PIPE_LIMIT * 3];
    chain_init(&bytes, &loop.buffers);
    cr_assert_eq(exchange_take_request(exchange, &bytes, limit), expected);
    chain_peek(&bytes, 0, text, bytes.len);
    for (size_t i = 0; i < expected; i++)
        cr_assert_eq(text[i], (char)((from + i) % 251), "byte %zu", from + i);
    chain_clear(&bytes);
}

static void fail_and_rewind(void)
{
    exchange_fail_back(exchange, ERROR_REFUSED, true);
    exchange_rewind_request(exchange);
    cr_assert_eq(allowance.held, 0, "what waits in the pipe is the pipe's");
    exchange_attach(exchange, &back_ops, &loop);
}

Test(kept, the_next_attempt_gets_all_of_it)
{
    push(0, 30000);
    take(0, 100, 100);
    take(100, 20000, 20000);
    cr_assert(exchange_request_is_whole(exchange));
    for (int attempt = 0; attempt < 3; attempt++) {
        fail_and_rewind();
        cr_assert_eq(exchange->request_body.bytes.len, 30000);
        take(0, 25000, 25000);
    }
    push(30000, 500);
    fail_and_rewind();
    take(0, SIZE_MAX, 30500);
    cr_assert_eq(exchange->request_body.passed, 30500);
}

Test(kept, a_body_that_goes_on_follows_behind)
{
    push(0, 10);
    take(0, SIZE_MAX, 10);
    fail_and_rewind();
    push(10, 20);
    exchange_end_request(exchange, PIPE_ENDED);
    take(0, SIZE_MAX, 30);
    cr_assert(exchange_pipe_is_done(&exchange->request_body));
    fail_and_rewind();
    cr_assert_not(exchange_pipe_is_done(&exchange->request_body), "it is to be read again");
    take(0, SIZE_MAX, 30);
    cr_assert(exchange_pipe_is_done(&exchange->request_body));
}

Test(kept, what_comes_back_may_fill_the_pipe)
{
    push(0, 40000);
    take(0, SIZE_MAX, 40000);
    push(40000, 40000);
    fail_and_rewind();
    cr_assert_not(exchange_pipe_has_room(&exchange->request_body));
    take(0, 40000, 40000);
    cr_assert_eq(rooms, 0, "half of it is there yet");
    take(40000, SIZE_MAX, 40000);
    cr_assert_eq(rooms, 1, "a frontend that finds no room waits for this");
}

Test(kept, a_pipe_full_is_the_most)
{
    push(0, EXCHANGE_PIPE_LIMIT);
    take(0, SIZE_MAX, EXCHANGE_PIPE_LIMIT);
    cr_assert(exchange_request_is_whole(exchange));
    cr_assert_geq(allowance.held, EXCHANGE_PIPE_LIMIT);
    push(0, 1);
    cr_assert(exchange_request_is_whole(exchange), "it waits still");
    take(0, 1, 1);
    cr_assert_not(exchange_request_is_whole(exchange));
    cr_assert_eq(allowance.held, 0);
}

Test(kept, an_allowance_that_is_used_up)
{
    allowance.most = BUFFER_SIZE;
    push(0, 3000);
    take(0, 3000, 3000);
    cr_assert(exchange_request_is_whole(exchange));
    cr_assert_eq(allowance.held, BUFFER_SIZE, "a large piece holds its buffer");
    push(3000, 1);
    take(3000, 1, 1);
    cr_assert_eq(allowance.held, BUFFER_SIZE, "a small one finds room there");
    push(3001, 3000);
    take(3001, 3000, 3000);
    cr_assert_not(exchange_request_is_whole(exchange));
    cr_assert_eq(allowance.held, 0);
}

Test(kept, pieces_that_hold_a_buffer_each_cost_one_each)
{
    size_t before = loop.buffers.held;
    for (size_t i = 0; i < 20; i++)
        push(i * 2100, 2100);
    take(0, SIZE_MAX, 20 * 2100);
    cr_assert(exchange_request_is_whole(exchange));
    cr_assert_geq(loop.buffers.held - before, 20 * BUFFER_SIZE, "that is what they hold");
    cr_assert_eq(allowance.held, 20 * BUFFER_SIZE);
}

Test(kept, a_trickle_costs_what_it_holds)
{
    for (size_t i = 0; i < 8000; i++) {
        push(i, 1);
        take(i, 1, 1);
    }
    cr_assert(exchange_request_is_whole(exchange));
    cr_assert_eq(allowance.held, 8 * BUFFER_SMALL);
}

Test(kept, pieces_of_one_buffer_cost_it_once)
{
    push(0, BUFFER_SIZE);
    for (size_t i = 0; i < 4; i++)
        take(i * 4000, 4000, 4000);
    cr_assert_eq(allowance.held, BUFFER_SIZE);
}

Test(kept, the_response_ends_it)
{
    push(0, 100);
    take(0, 100, 100);
    exchange->response.status = 103;
    exchange_pass_response(exchange);
    cr_assert(exchange_request_is_whole(exchange), "an interim one does not");
    exchange->response.status = 200;
    exchange_pass_response(exchange);
    cr_assert_eq(allowance.held, 0);
    push(100, 100);
    take(100, 100, 100);
    cr_assert_eq(allowance.held, 0);
}

Test(kept, so_does_a_tunnel)
{
    exchange->is_tunnel = true;
    exchange->response.status = 101;
    exchange_pass_response(exchange);
    push(0, 100);
    take(0, 100, 100);
    cr_assert_eq(allowance.held, 0);
}

Test(kept, a_client_that_vanishes_ends_it)
{
    push(0, 100);
    take(0, 100, 100);
    exchange_end_request(exchange, PIPE_BROKEN);
    cr_assert_eq(allowance.held, 0);
    cr_assert_not(exchange_request_is_whole(exchange));
}

Test(kept, so_does_a_body_that_nobody_reads)
{
    push(0, 100);
    take(0, 50, 50);
    exchange_discard_request(exchange);
    cr_assert_eq(allowance.held, 0);
    cr_assert_not(exchange_request_is_whole(exchange));
}

Test(kept, a_frontend_that_closes_while_bytes_are_taken)
{
    push(0, EXCHANGE_PIPE_LIMIT);
    front_closes = true;
    struct chain bytes;
    chain_init(&bytes, &loop.buffers);
    exchange_take_request(exchange, &bytes, EXCHANGE_PIPE_LIMIT);
    cr_assert(exchange->is_closed);
    cr_assert_eq(allowance.held, 0);
    chain_clear(&bytes);
}
