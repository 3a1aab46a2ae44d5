/* SPDX-License-Identifier: MIT */
/* Links from main files to control sockets. */
#include "../../../src/supervisor/whereabouts_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

Test(whereabouts, noted_found_and_forgotten)
{
    char config[64];
    char *found;

    snprintf(config, sizeof(config), "/nsg-whereabouts-%d.conf", (int)getpid());
    cr_assert_null(whereabouts_find(config));
    whereabouts_note(config, "/proc/self/status");
    whereabouts_note(config, "/proc/self/stat"); /* it has moved */
    found = whereabouts_find(config);
    cr_assert_str_eq(found, "/proc/self/stat");
    free(found);
    whereabouts_forget(config, "/proc/self/status"); /* another's */
    found = whereabouts_find(config);
    cr_assert_not_null(found);
    free(found);
    whereabouts_forget(config, "/proc/self/stat");
    cr_assert_null(whereabouts_find(config));
}

/* From the folder of the main file, as from anywhere else. */
Test(whereabouts, relative_names_are_the_same_file)
{
    char config[64];
    char *found;

    snprintf(config, sizeof(config), "/tmp/nsg-whereabouts-%d.conf", (int)getpid());
    whereabouts_note(config, "/proc/self/stat");
    cr_assert_eq(chdir("/tmp"), 0);
    found = whereabouts_find(config + sizeof("/tmp"));
    cr_assert_not_null(found);
    free(found);
    whereabouts_forget(config, "/proc/self/stat");
}

Test(whereabouts, what_was_killed_is_swept_away)
{
    char config[64];
    char other[64];

    snprintf(config, sizeof(config), "/nsg-whereabouts-%d-a.conf", (int)getpid());
    snprintf(other, sizeof(other), "/nsg-whereabouts-%d-b.conf", (int)getpid());
    whereabouts_note(config, "/nowhere/nsgate.sock");
    whereabouts_note(other, "/proc/self/stat");
    cr_assert_null(whereabouts_find(config));
    whereabouts_forget(other, "/proc/self/stat");
}
