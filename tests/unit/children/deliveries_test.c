/* SPDX-License-Identifier: MIT */
/* What is under way to a worker, in its order. */
#include "children/deliveries_internal.h"
#include "children/workers.h"

#include <criterion/criterion.h>

static struct children children;
static struct child worker;
static struct assignment a;
static struct assignment b;

static void start(void)
{
    children = (struct children){.serial = 10};
    worker = (struct child){.children = &children, .role = ROLE_WORKER};
    a = (struct assignment){.name = "a"};
    b = (struct assignment){.name = "b"};
}

static void stop(void)
{
    deliveries_close(&worker);
}

TestSuite(deliveries, .init = start, .fini = stop);

Test(deliveries, are_answered_in_their_order)
{
    cr_assert_null(worker.deliveries);
    cr_assert_eq(deliveries_add(&worker, &a, NULL), 11);
    cr_assert_eq(deliveries_add(&worker, NULL, NULL), 12);
    cr_assert_eq(deliveries_add(&worker, &b, "127.0.0.1:1"), 13);
    cr_assert_eq(worker.awaiting, 3);
    cr_assert_eq(a.deliveries, 1);
    cr_assert_eq(worker.deliveries->assignment, &a);
    cr_assert_eq(deliveries_on_working(&worker, 12), ERROR_IPC);
    cr_assert_eq(deliveries_on_working(&worker, 11), 0);
    worker.working = 11;
    cr_assert_eq(deliveries_on_working(&worker, 11), ERROR_IPC, "once");
    deliveries_take_first(&worker);
    cr_assert_null(worker.deliveries->assignment, "a removal");
    cr_assert_eq(a.deliveries, 0);
    deliveries_close(&worker);
    cr_assert_eq(worker.awaiting + b.deliveries, 0);
}

Test(deliveries, later_ones_of_the_same_take_the_place_of_earlier_ones)
{
    deliveries_add(&worker, &a, NULL);
    cr_assert(deliveries_is_last(&worker, worker.deliveries));
    deliveries_add(&worker, &a, "127.0.0.1:1");
    deliveries_add(&worker, &b, NULL);
    cr_assert(deliveries_is_last(&worker, worker.deliveries), "neither is the same");
    deliveries_add(&worker, &a, NULL);
    cr_assert_not(deliveries_is_last(&worker, worker.deliveries));
    deliveries_take_first(&worker);
    deliveries_add(&worker, &b, "127.0.0.1:1");
    deliveries_add(&worker, &a, "127.0.0.1:2");
    cr_assert(deliveries_is_last(&worker, worker.deliveries));
    deliveries_add(&worker, &a, "127.0.0.1:1");
    cr_assert_not(deliveries_is_last(&worker, worker.deliveries));
    worker.is_former = true;
    deliveries_take_first(&worker);
    cr_assert_not(deliveries_is_last(&worker, worker.deliveries),
                  "no assignment knows it any more");
}

Test(deliveries, of_a_tenant_that_has_gone_are_nobodys)
{
    deliveries_add(&worker, &a, NULL);
    deliveries_add(&worker, &b, NULL);
    deliveries_forget(&worker, &a);
    cr_assert_eq(a.deliveries, 0);
    cr_assert_eq(b.deliveries, 1);
    cr_assert_not(deliveries_is_last(&worker, worker.deliveries));
    deliveries_forget(&worker, NULL);
    cr_assert_eq(b.deliveries, 0);
    cr_assert_eq(worker.awaiting, 2, "it answers nevertheless");
}

Test(deliveries, must_be_committed_before_a_later_ping)
{
    worker.heartbeat.asked = 4;
    deliveries_add(&worker, &a, NULL);
    cr_assert_eq(deliveries_on_pong(&worker, 4), 0);
    cr_assert_eq(deliveries_on_pong(&worker, 5), ERROR_IPC);
    cr_assert(worker.has_lied);
    cr_assert_eq(worker.working, 11);
}
