/* SPDX-License-Identifier: MIT */
/* An exchange that waits for a connection, and leaves before it has one. */
#include "backend/group_internal.h"
#include "crowd.h"

#include <criterion/criterion.h>

TestSuite(wait, .init = crowd_begin, .fini = crowd_end);

Test(wait, who_leaves_is_forgotten)
{
    rig_count(&rig);
    fill();
    more(3);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_QUEUE), 3);
    visit_close(&visits[FIRST]);
    visit_close(&visits[FIRST + 2]);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_QUEUE), 1);
    RIG_UNTIL(&rig, !waits(FIRST + 1));
    cr_assert_eq(visits[FIRST + 1].failures, 0);
}

Test(wait, a_body_that_breaks_off_is_the_clients_fault)
{
    fill();
    visit_init(&visits[FIRST], &rig, METHOD_POST, 10);
    cr_assert_eq(visit_start(&visits[FIRST]), 0);
    cr_assert(waits(FIRST));
    exchange_end_request(visits[FIRST].exchange, PIPE_BROKEN);
    cr_assert_eq(visits[FIRST].error, ERROR_CLIENT_GONE);
    cr_assert_not(waits(FIRST));
}

Test(wait, it_counts_as_the_endpoints)
{
    fill();
    more(2);
    cr_assert_eq(visits[FIRST].attempts.endpoint, visits[0].attempts.endpoint);
    cr_assert_eq(visits[FIRST].attempts.count, 1);
    visit_close(&visits[FIRST]);
    cr_assert_not(waits(FIRST));
    cr_assert(waits(FIRST + 1));
}

Test(wait, the_lack_begins_with_the_first_and_ends_with_the_last)
{
    const struct making *making = &rig_group(&rig)->endpoints[0]->making;
    fill();
    cr_assert_eq(making->lacking_since, 0);
    more(2);
    cr_assert_gt(making->lacking_since, 0);
    visit_close(&visits[FIRST]);
    cr_assert_gt(making->lacking_since, 0);
    visit_close(&visits[FIRST + 1]);
    cr_assert_eq(making->lacking_since, 0);
}
