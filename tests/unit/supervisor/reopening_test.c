/* SPDX-License-Identifier: MIT */
/* Logs opened anew: who asks is told when it is done, and what could not be. */
#include "rig/rig.h"
#include "rig/talk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>

TestSuite(reopening, .fini = rig_end);

Test(reopening, is_told_to_who_asks)
{
    struct rig rig;

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    cr_assert_eq(talk(&rig, "reopen\n", "end\t0\n"), 0);
    cr_assert_eq(talk(&rig, "reopen\n", "end\t0\n"), 0);
    rig_close(&rig);
}
