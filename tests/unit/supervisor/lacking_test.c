/* SPDX-License-Identifier: MIT */
/* Who lacks which listener. */
#include "supervisor/lacking_internal.h"

#include "supervisor/workers_internal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

static struct child workers[2] = {{.role = ROLE_WORKER, .index = 0},
                                  {.role = ROLE_WORKER, .index = 1}};
static const struct plan_listener plans[2] = {{.text = (char *)"127.0.0.1:1"},
                                              {.text = (char *)"127.0.0.1:2"}};
static struct listener listeners[2];
static struct record record;

static void start(void)
{
    listeners[0] = (struct listener){.plan = &plans[0], .state = LISTENER_BOUND, .holders = 3};
    listeners[1] = (struct listener){.plan = &plans[1], .state = LISTENER_DEGRADED, .holders = 3};
    record = (struct record){.name = (char *)"a",
                             .workers = 3,
                             .sockets = {.listeners = listeners, .listener_count = 2}};
}

TestSuite(lacking, .init = start);

Test(lacking, is_each_worker_s_own)
{
    lacking_note(&workers[0], &record, SLICE("127.0.0.1:1"), EMFILE);
    lacking_note(&workers[1], &record, SLICE("127.0.0.1:1"), EMFILE);
    cr_assert_eq(listeners[0].holders, 0);
    cr_assert_eq(listeners[0].lacking, 3);
    lacking_on_taken(&workers[1], &record, SLICE("127.0.0.1:1"));
    cr_assert_eq(listeners[0].lacking, 1);
    cr_assert_eq(listeners[0].lack, EMFILE);
    lacking_on_taken(&workers[0], &record, SLICE("127.0.0.1:1"));
    cr_assert_eq(listeners[0].lacking, 0);
    cr_assert_eq(listeners[0].lack, 0, "the next time it is told again");
}

Test(lacking, is_of_what_is_bound_only)
{
    lacking_note(&workers[0], &record, SLICE("127.0.0.1:2"), EMFILE);
    lacking_note(&workers[0], &record, SLICE("127.0.0.1:3"), EMFILE);
    lacking_on_taken(&workers[0], &record, SLICE("127.0.0.1:2"));
    cr_assert_eq(listeners[0].lacking | listeners[1].lacking, 0);
    cr_assert_eq(listeners[1].holders, 3);
}

Test(lacking, is_not_of_whom_another_serves)
{
    record.workers = 2;
    lacking_note(&workers[0], &record, SLICE("127.0.0.1:1"), EMFILE);
    cr_assert_eq(listeners[0].lacking, 0);
}

/* ---- offers ---- */

static struct supervisor supervisor = {.workers = workers, .worker_count = 2};

/* All that worker 0 may be sent again, which it refuses. */
static unsigned refuse_offered(void)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < record.sockets.listener_count; i++) {
        struct listener *listener = &record.sockets.listeners[i];

        count += (listener->offered & 1) != 0;
        listener->offered &= ~UINT64_C(1);
    }
    return count;
}

/* Offers in the time, of so many listeners. */
static unsigned offers_in(double seconds, uint32_t count)
{
    unsigned offers = 0;

    record.sockets.listeners = calloc(count, sizeof(struct listener));
    record.sockets.listener_count = count;
    for (uint32_t i = 0; i < count; i++)
        record.sockets.listeners[i].lacking = 1;
    supervisor.registry.records = &record;
    for (double end = supervisor.loop.now + seconds; supervisor.loop.now < end;
         supervisor.loop.now += 0.1) {
        cr_assert(lacking_offer(&supervisor));
        offers += refuse_offered();
    }
    free(record.sockets.listeners);
    return offers;
}

Test(lacking, is_offered_ever_more_rarely)
{
    unsigned first = offers_in(0.55, 1);
    unsigned next = offers_in(60., 1);

    cr_assert_eq(first, 1);
    cr_assert(next >= 25 && next <= 32, "%u in a minute", next);
}

Test(lacking, of_very_much_costs_a_tenth_at_most)
{
    cr_assert_leq(offers_in(60., 6000), 60 * 2000 + 6000);
}

Test(lacking, is_each_worker_s_own_pace)
{
    offers_in(10., 1);
    record.sockets.listeners = listeners;
    listeners[0].lacking = 2;
    lacking_offer(&supervisor);
    cr_assert_eq(listeners[0].offered, 2, "the other worker's pause is not its");
    listeners[0].lacking = 0;
    record.sockets.listener_count = 1;
    supervisor.loop.now += 10.;
    cr_assert_not(lacking_offer(&supervisor));
    listeners[0].lacking = 1;
    cr_assert(lacking_offer(&supervisor));
    cr_assert_eq(listeners[0].offered & 1, 1, "what is over is forgotten");
}
