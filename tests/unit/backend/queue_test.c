/* SPDX-License-Identifier: MIT */
/* The queue at one server: its order, its clock, and who is called. */
#include "backend/queue_internal.h"
#include "rig.h"

#include <criterion/criterion.h>

static struct rig rig;
static struct backend_queue *queue;
static struct backend_attempts attempts[3];
static unsigned calls;

static void count_calls(struct backend_queue *called)
{
    cr_assert_eq(called, queue);
    cr_assert_eq(called->owner, &rig);
    calls++;
}

static void setup(void)
{
    rig_init(&rig, 1);
    queue = queue_new(&rig, &rig.loop, count_calls);
    for (unsigned i = 0; i < 3; i++)
        queue_put(queue, &attempts[i]);
}

static void teardown(void)
{
    while (!queue_is_empty(queue))
        queue_remove(TAILQ_FIRST(&queue->waiting));
    queue_free(queue);
    rig_free(&rig);
}

TestSuite(queue, .init = setup, .fini = teardown);

Test(queue, who_came_first_is_the_first)
{
    cr_assert_eq(TAILQ_FIRST(&queue->waiting), &attempts[0]);
    cr_assert_eq(queue->count, 3);
    queue_remove(&attempts[1]);
    queue_remove(&attempts[0]);
    cr_assert_eq(TAILQ_FIRST(&queue->waiting), &attempts[2]);
}

Test(queue, somebody_looks_after_them_every_few_milliseconds)
{
    RIG_UNTIL(&rig, calls >= 3);
    while (!queue_is_empty(queue))
        queue_remove(TAILQ_FIRST(&queue->waiting));
    unsigned before = calls;
    for (unsigned i = 0; i < 10; i++)
        rig_turn(&rig);
    cr_assert_eq(calls, before, "nobody waits");
}

Test(queue, at_once_when_something_has_changed)
{
    queue_wake(queue);
    queue_wake(queue);
    rig_turn(&rig);
    cr_assert_geq(calls, 1);
}

Test(queue, the_wait_is_added_up)
{
    RIG_UNTIL(&rig, calls >= 2);
    queue_remove(&attempts[0]);
    double first = attempts[0].queue_seconds;
    cr_assert_gt(first, 0.002);
    queue_put(queue, &attempts[0]);
    calls = 0;
    RIG_UNTIL(&rig, calls >= 2);
    queue_remove(&attempts[0]);
    cr_assert_gt(attempts[0].queue_seconds, first);
}
