/* SPDX-License-Identifier: MIT */
/* What is under way to a worker, in its order. */
#include "supervisor/deliveries_internal.h"
#include "supervisor/supervisor_internal.h"

#include <criterion/criterion.h>

static struct supervisor supervisor;
static struct child worker;
static struct record a;
static struct record b;

static void start(void)
{
    supervisor = (struct supervisor){.serial = 10};
    worker = (struct child){.supervisor = &supervisor, .role = ROLE_WORKER};
    a = (struct record){.name = (char *)"a"};
    b = (struct record){.name = (char *)"b"};
}

static void stop(void)
{
    deliveries_close(&worker);
}

TestSuite(deliveries, .init = start, .fini = stop);

Test(deliveries, are_answered_in_their_order)
{
    cr_assert_null(deliveries_working_on(&worker));
    cr_assert_eq(deliveries_add(&supervisor, &worker, &a, NULL), 11);
    cr_assert_eq(deliveries_add(&supervisor, &worker, NULL, NULL), 12);
    cr_assert_eq(deliveries_add(&supervisor, &worker, &b, "127.0.0.1:1"), 13);
    cr_assert_eq(worker.awaiting, 3);
    cr_assert_eq(a.deliveries, 1);
    cr_assert_eq(deliveries_working_on(&worker), &a);
    cr_assert_eq(deliveries_on_working(&worker, 12), ERROR_IPC);
    cr_assert_eq(deliveries_on_working(&worker, 11), 0);
    worker.working = 11;
    cr_assert_eq(deliveries_on_working(&worker, 11), ERROR_IPC, "once");
    deliveries_take_first(&worker);
    cr_assert_null(deliveries_working_on(&worker), "a removal");
    cr_assert_eq(a.deliveries, 0);
    deliveries_close(&worker);
    cr_assert_eq(worker.awaiting + b.deliveries, 0);
}

Test(deliveries, later_ones_of_the_same_take_the_place_of_earlier_ones)
{
    deliveries_add(&supervisor, &worker, &a, NULL);
    cr_assert(deliveries_is_last(&worker, worker.deliveries));
    deliveries_add(&supervisor, &worker, &a, "127.0.0.1:1");
    deliveries_add(&supervisor, &worker, &b, NULL);
    cr_assert(deliveries_is_last(&worker, worker.deliveries), "neither is the same");
    deliveries_add(&supervisor, &worker, &a, NULL);
    cr_assert_not(deliveries_is_last(&worker, worker.deliveries));
    deliveries_take_first(&worker);
    deliveries_add(&supervisor, &worker, &b, "127.0.0.1:1");
    deliveries_add(&supervisor, &worker, &a, "127.0.0.1:2");
    cr_assert(deliveries_is_last(&worker, worker.deliveries));
    deliveries_add(&supervisor, &worker, &a, "127.0.0.1:1");
    cr_assert_not(deliveries_is_last(&worker, worker.deliveries));
    worker.is_former = true;
    deliveries_take_first(&worker);
    cr_assert_not(deliveries_is_last(&worker, worker.deliveries), "records know it no more");
}

Test(deliveries, of_a_record_that_has_gone_are_nobodys)
{
    deliveries_add(&supervisor, &worker, &a, NULL);
    deliveries_add(&supervisor, &worker, &b, NULL);
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
    deliveries_add(&supervisor, &worker, &a, NULL);
    cr_assert_eq(deliveries_check_committed(&worker, 4), 0);
    cr_assert_eq(deliveries_check_committed(&worker, 5), ERROR_IPC);
    cr_assert(worker.has_lied);
    cr_assert_eq(worker.working, 11);
}
