/* SPDX-License-Identifier: MIT */
/* The pace of a response: what may be taken at once, and that on_body comes for the rest. */
#include "exchange/exchange.h"

#include <criterion/criterion.h>

static struct loop loop;
static struct exchange_pool pool;
static struct exchange *exchange;
static unsigned bodies;

static void on_nothing(void *front, struct exchange *x)
{
    (void)front;
    (void)x;
}

static void on_body(void *front, struct exchange *x)
{
    (void)front;
    (void)x;
    bodies++;
}

static const struct exchange_front front_ops = {
    .on_response = on_nothing, .on_body = on_body, .on_room = on_nothing};

static void start(void)
{
    static const struct exchange_client client;
    loop_init(&loop);
    exchange_pool_init(&pool, &loop);
    exchange = exchange_new(&pool, &front_ops, &bodies, &client);
}

static void finish(void)
{
    exchange_close(exchange);
    ev_run(loop.ev, EVRUN_NOWAIT);
    cr_assert_eq(pool.in_use, 0);
    exchange_pool_free(&pool);
    loop_free(&loop);
}

static void push(size_t count)
{
    struct chain bytes;
    chain_init(&bytes, &loop.buffers);
    for (; count > 0; count--)
        chain_append_slice(&bytes, SLICE("x"));
    exchange_push_response(exchange, &bytes);
    chain_clear(&bytes);
}

static size_t take(size_t limit)
{
    struct chain bytes;
    chain_init(&bytes, &loop.buffers);
    size_t taken = exchange_take_response(exchange, &bytes, limit);
    chain_clear(&bytes);
    return taken;
}

Test(pace, none_takes_all, .init = start, .fini = finish)
{
    exchange_pace_response(exchange, 0, 5);
    push(5000);
    cr_assert_eq(take(SIZE_MAX), 5000);
    cr_assert_not(exchange_is_paced(exchange));
}

Test(pace, a_second_goes_at_once_and_the_rest_later, .init = start, .fini = finish)
{
    exchange_pace_response(exchange, 1000, 0);
    push(1200);
    cr_assert_eq(take(700), 700);
    cr_assert_not(exchange_is_paced(exchange));
    size_t taken = take(SIZE_MAX);
    cr_assert(taken >= 300 && taken < 500, "%zu", taken);
    cr_assert(exchange_is_paced(exchange));
    cr_assert_eq(take(SIZE_MAX), 0);
    unsigned before = bodies;
    double now = loop_now(&loop);
    while (bodies == before)
        ev_run(loop.ev, EVRUN_ONCE);
    cr_assert_geq(loop_now(&loop) - now, 0.2);
    cr_assert_eq(bodies, before + 1);
    cr_assert_not(exchange_is_paced(exchange));
    cr_assert_gt(take(SIZE_MAX), 0);
}

Test(pace, after_so_much, .init = start, .fini = finish)
{
    exchange_pace_response(exchange, 1000, 4000);
    push(10000);
    size_t taken = take(SIZE_MAX);
    cr_assert(taken >= 5000 && taken < 5500, "%zu", taken);
}

/* What is all taken waits for nothing but more bytes. */
Test(pace, an_empty_pipe_is_not_paced, .init = start, .fini = finish)
{
    exchange_pace_response(exchange, 1000, 0);
    push(1000);
    cr_assert_eq(take(SIZE_MAX), 1000);
    cr_assert_not(exchange_is_paced(exchange));
    exchange_end_response(exchange, PIPE_ENDED);
    cr_assert(exchange_pipe_is_done(&exchange->response_body));
}

/* Less than one byte in a step: it waits for the whole byte, and is closed meanwhile. */
Test(pace, the_slowest, .init = start, .fini = finish)
{
    exchange_pace_response(exchange, 1, 0);
    push(3);
    cr_assert_eq(take(SIZE_MAX), 1);
    cr_assert(exchange_is_paced(exchange));
}
