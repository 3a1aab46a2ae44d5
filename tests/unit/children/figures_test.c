/* SPDX-License-Identifier: MIT */
/* Figures of workers, also of those that give none or false ones. Each of the rig's workers says
 * that it has 7 connections, 5 of them tenant a's, 1 of those about to end, after 100 requests. */
#include "rig/rig.h"
#include "rig/talk.h"

#include <criterion/criterion.h>

TestSuite(figures, .fini = rig_end);

Test(figures, are_summed_over_the_workers)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_start(&rig, "started: 2 tenants");
    cr_assert_eq(talk(&rig, "status\n", "\tconnections=10\tdraining=2\trequests=200\trefused=6\t"),
                 0);
    cr_assert(talk_said("\tconnections=14\tpartial=0\n"), "a removed tenant's are in the sum");
    cr_assert(talk_said("\tconnections=0\tdraining=0\trequests=0\trefused=0\t"), "b has none");
    cr_assert_eq(talk(&rig, "status\n", "\tconnections=14\tpartial=0\n"), 0, "not more each time");
    rig_close(&rig);
}

Test(figures, of_one_that_is_silent_are_done_without)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_tenant(&rig, "b", rig_port(), "mute-me");
    rig_start(&rig, "started: 2 tenants");
    cr_assert_eq(talk(&rig, "status\n", "\tconnections=7\tpartial=1\n"), 0);
    cr_assert(talk_said("end\t0\n"));
    cr_assert_eq(talk(&rig, "status\n", "\tconnections=7\tpartial=1\n"), 0);
    rig_close(&rig);
}

Test(figures, of_one_that_dies_are_done_without)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_tenant(&rig, "b", rig_port(), "die-of-figures");
    rig_start(&rig, "started: 2 tenants");
    cr_assert_eq(talk(&rig, "status\n", "\tconnections=7\tpartial=1\n"), 0);
    cr_assert(talk_said("end\t0\n"));
    rig_close(&rig);
}

Test(figures, that_are_none_end_their_worker)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "garble-figures");
    rig_start(&rig, "started: 1 tenants");
    cr_assert_eq(talk(&rig, "status\n", "end\t0\n"), 0);
    rig_expect(&rig, "malformed");
    rig_close(&rig);
}
