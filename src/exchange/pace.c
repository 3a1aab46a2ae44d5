/* SPDX-License-Identifier: MIT */
/* The pace of a response's body: how much of it its frontend may take, and when again. */
#include "exchange_internal.h"

#include "base/container_of.h"
#include "io/deadline.h"

/* Seconds of the rate that go at once, as with nginx. */
#define PACE_AHEAD 1.0
/* Seconds between pieces, so that a slow response is no busy one. */
#define PACE_STEP 0.25

/* In the exchange's arena. */
struct exchange_pace {
    struct exchange *exchange;
    struct deadline deadline; /* set: nothing may be taken before */
    double rate;              /* bytes a second */
    double after;
    double begun; /* loop_now() of the first byte; 0: none yet */
    double taken;
};

static void on_time(struct deadline *deadline)
{
    struct exchange *exchange = CONTAINER_OF(deadline, struct exchange_pace, deadline)->exchange;
    deadline_clear(deadline);
    if (!exchange->is_closed)
        exchange->front_ops->on_body(exchange->front, exchange);
}

void exchange_pace_response(struct exchange *exchange, uint64_t rate, uint64_t after)
{
    pace_stop(exchange);
    if (rate == 0)
        return;
    struct exchange_pace *pace = ARENA_NEW(&exchange->arena, struct exchange_pace);
    pace->exchange = exchange;
    pace->rate = (double)rate;
    pace->after = (double)after;
    deadline_init(&pace->deadline, exchange->loop, on_time);
    exchange->pace = pace;
}

bool exchange_is_paced(const struct exchange *exchange)
{
    return exchange->pace && deadline_is_set(&exchange->pace->deadline);
}

void pace_stop(struct exchange *exchange)
{
    if (exchange->pace)
        deadline_stop(&exchange->pace->deadline);
    exchange->pace = NULL;
}

size_t pace_allows(const struct exchange *exchange)
{
    struct exchange_pace *pace = exchange->pace;
    double now = loop_now(exchange->loop);
    if (exchange_is_paced(exchange))
        return 0;
    if (pace->begun <= 0)
        pace->begun = now;
    double allowed = pace->after + pace->rate * (now - pace->begun + PACE_AHEAD) - pace->taken;
    return allowed <= 0 ? 0 : allowed < (double)SIZE_MAX / 2 ? (size_t)allowed : SIZE_MAX;
}

void pace_note(struct exchange *exchange, size_t taken, size_t allowed)
{
    struct exchange_pace *pace = exchange->pace;
    double step = 1. / pace->rate;
    pace->taken += (double)taken;
    if (taken < allowed || exchange_is_paced(exchange) || exchange->response_body.bytes.len == 0)
        return;
    deadline_set(&pace->deadline, step > PACE_STEP ? step : PACE_STEP);
}
