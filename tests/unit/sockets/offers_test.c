/* SPDX-License-Identifier: MIT */
/* Who lacks which listener. */
#include "sockets_internal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

static const struct plan_listener plans[2] = {{.text = (char *)"127.0.0.1:1"},
                                              {.text = (char *)"127.0.0.1:2"}};
static struct listener listeners[2];
static struct tenant_sockets tenant;
static struct loop loop;
static struct namespaces namespaces = {.loop = &loop};
static struct sockets sockets;

static void start(void)
{
    listeners[0] = (struct listener){.plan = &plans[0], .state = LISTENER_BOUND, .holders = 3};
    listeners[1] = (struct listener){.plan = &plans[1], .state = LISTENER_DEGRADED, .holders = 3};
    tenant = (struct tenant_sockets){.name = "a", .listeners = listeners, .listener_count = 2};
    sockets = (struct sockets){.namespaces = &namespaces};
    TAILQ_INIT(&sockets.tenants);
    TAILQ_INSERT_TAIL(&sockets.tenants, &tenant, next);
}

TestSuite(offers, .init = start);

static void lacks(uint64_t worker, struct slice address)
{
    const struct ipc_lacked lacked = {.address = address, .error = EMFILE};

    sockets_on_lacked(&tenant, worker, "worker", &lacked);
}

Test(offers, is_each_worker_s_own)
{
    lacks(1, SLICE("127.0.0.1:1"));
    lacks(2, SLICE("127.0.0.1:1"));
    cr_assert_eq(listeners[0].holders, 0);
    cr_assert_eq(listeners[0].lacking, 3);
    sockets_on_taken(&tenant, 2, SLICE("127.0.0.1:1"));
    cr_assert_eq(listeners[0].lacking, 1);
    cr_assert_eq(listeners[0].lack, EMFILE);
    sockets_on_taken(&tenant, 1, SLICE("127.0.0.1:1"));
    cr_assert_eq(listeners[0].lacking, 0);
    cr_assert_eq(listeners[0].lack, 0, "the next time it is told again");
}

Test(offers, is_of_what_is_bound_only)
{
    lacks(1, SLICE("127.0.0.1:2"));
    lacks(1, SLICE("127.0.0.1:3"));
    sockets_on_taken(&tenant, 1, SLICE("127.0.0.1:2"));
    cr_assert_eq(listeners[0].lacking | listeners[1].lacking, 0);
    cr_assert_eq(listeners[1].holders, 3);
}

/* ---- offers ---- */

/* All that worker 0 may be sent again, which it refuses. */
static unsigned refuse_offered(void)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < tenant.listener_count; i++) {
        struct listener *listener = &tenant.listeners[i];

        count += (listener->offered & 1) != 0;
        listener->offered &= ~UINT64_C(1);
    }
    return count;
}

/* Offers in the time, of so many listeners. */
static unsigned offers_in(double seconds, uint32_t count)
{
    unsigned offers = 0;

    tenant.listeners = calloc(count, sizeof(struct listener));
    tenant.listener_count = count;
    for (uint32_t i = 0; i < count; i++)
        tenant.listeners[i].lacking = 1;
    for (double end = loop.now + seconds; loop.now < end; loop.now += 0.1) {
        cr_assert(offers_make(&sockets));
        offers += refuse_offered();
    }
    free(tenant.listeners);
    return offers;
}

Test(offers, is_offered_ever_more_rarely)
{
    unsigned first = offers_in(0.55, 1);
    unsigned next = offers_in(60., 1);

    cr_assert_eq(first, 1);
    cr_assert(next >= 25 && next <= 32, "%u in a minute", next);
}

Test(offers, of_very_much_costs_a_tenth_at_most)
{
    cr_assert_leq(offers_in(60., 6000), 60 * 2000 + 6000);
}

Test(offers, is_each_worker_s_own_pace)
{
    offers_in(10., 1);
    tenant.listeners = listeners;
    listeners[0].lacking = 2;
    offers_make(&sockets);
    cr_assert_eq(listeners[0].offered, 2, "the other worker's pause is not its");
    listeners[0].lacking = 0;
    tenant.listener_count = 1;
    loop.now += 10.;
    cr_assert_not(offers_make(&sockets));
    listeners[0].lacking = 1;
    cr_assert(offers_make(&sockets));
    cr_assert_eq(listeners[0].offered & 1, 1, "what is over is forgotten");
}
