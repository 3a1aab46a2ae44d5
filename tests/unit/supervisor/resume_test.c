/* SPDX-License-Identifier: MIT */
/* Resuming from what is no state; upgrade_test.c has the rest. */
#include "../../../src/supervisor/upgrade_internal.h"

#include "ipc/sealed.h"

#include <criterion/criterion.h>
#include <fcntl.h>

Test(resume, from_nothing)
{
    cr_assert_eq(resume_main("/nowhere.conf", open("/dev/null", O_RDONLY | O_CLOEXEC), "/nowhere"),
                 1);
}

Test(resume, from_garbage)
{
    cr_assert_eq(resume_main("/nowhere.conf", sealed_new("test", SLICE("garbage")), "/nowhere"), 1);
}
