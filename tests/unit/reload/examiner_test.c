/* SPDX-License-Identifier: MIT */
/* What the resolver must not answer, and what it dies of. */
#include "rig/rig.h"

#include <criterion/criterion.h>

TestSuite(examiner, .fini = rig_end);

Test(examiner, who_kills_the_resolver_twice_is_refused_and_nobody_else)
{
    struct rig rig;

    rig_open(&rig);
    for (int i = 0; i < 5; i++)
        rig_tenant(&rig, (const char *[]){"a", "b", "c", "d", "e"}[i], rig_port(),
                   i == 2 ? "kill-me" : "x");
    rig_start(&rig, "started: 4 tenants, 0 waiting, 1 refused");
    rig_expect(&rig, "tenant c: ");
    rig_close(&rig);
}

Test(examiner, an_answer_that_breaks_the_rules)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "garble-me");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 1 refused");
    rig_expect(&rig, "malformed message: EXAMINED");
    rig_close(&rig);
}

Test(examiner, an_answer_that_is_not_to_its_question)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "own-tree");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_tenant(&rig, "c", rig_port(), "swell-me refuse-me");
    rig_start(&rig, "started: 1 tenants, 0 waiting, 2 refused");
    rig_expect(&rig, "malformed message: EXAMINED");
    cr_assert_not(rig_has_logged(&rig, "refused as it wished"));
    rig_close(&rig);
}
