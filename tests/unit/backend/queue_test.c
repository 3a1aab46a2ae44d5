/* SPDX-License-Identifier: MIT */
/* The queue at one server: its order, its clock, and who is called. */
#include "backend/queue_internal.h"
#include "rig.h"

#include <criterion/criterion.h>

static struct rig rig;
static struct backend_endpoint *endpoint;
static struct backend_attempts attempts[3];
static unsigned calls;

static void count_calls(struct backend_endpoint *called)
{
    cr_assert_eq(called, endpoint);
    calls++;
}

static void setup(void)
{
    rig_init(&rig, 1);
    rig.backends->serve = count_calls;
    endpoint = rig_group(&rig)->endpoints[0];
    for (unsigned i = 0; i < 3; i++)
        queue_put(endpoint, &attempts[i]);
}

static void teardown(void)
{
    while (!queue_is_empty(endpoint))
        queue_remove(endpoint, TAILQ_FIRST(&endpoint->queue.waiting));
    rig_free(&rig);
}

TestSuite(queue, .init = setup, .fini = teardown);

Test(queue, who_came_first_is_the_first)
{
    cr_assert_eq(TAILQ_FIRST(&endpoint->queue.waiting), &attempts[0]);
    cr_assert_eq(endpoint->queue.count, 3);
    queue_remove(endpoint, &attempts[1]);
    queue_remove(endpoint, &attempts[0]);
    cr_assert_eq(TAILQ_FIRST(&endpoint->queue.waiting), &attempts[2]);
}

Test(queue, somebody_looks_after_them_every_few_milliseconds)
{
    RIG_UNTIL(&rig, calls >= 3);
    while (!queue_is_empty(endpoint))
        queue_remove(endpoint, TAILQ_FIRST(&endpoint->queue.waiting));
    unsigned before = calls;
    for (unsigned i = 0; i < 10; i++)
        rig_turn(&rig);
    cr_assert_eq(calls, before, "nobody waits");
}

Test(queue, at_once_when_something_has_changed)
{
    queue_wake(endpoint);
    queue_wake(endpoint);
    rig_turn(&rig);
    cr_assert_geq(calls, 1);
}

Test(queue, the_wait_is_added_up)
{
    RIG_UNTIL(&rig, calls >= 2);
    queue_remove(endpoint, &attempts[0]);
    double first = attempts[0].queue_seconds;
    cr_assert_gt(first, 0.002);
    queue_put(endpoint, &attempts[0]);
    calls = 0;
    RIG_UNTIL(&rig, calls >= 2);
    queue_remove(endpoint, &attempts[0]);
    cr_assert_gt(attempts[0].queue_seconds, first);
}

Test(queue, the_lack_begins_with_the_first_and_ends_with_the_last)
{
    cr_assert_gt(endpoint->making.lacking_since, 0);
    queue_remove(endpoint, &attempts[0]);
    cr_assert_gt(endpoint->making.lacking_since, 0);
    queue_remove(endpoint, &attempts[1]);
    queue_remove(endpoint, &attempts[2]);
    cr_assert_eq(endpoint->making.lacking_since, 0);
}
