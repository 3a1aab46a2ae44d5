/* SPDX-License-Identifier: MIT */
/* What is too much to be removed at once. */
#include "reload/removal_internal.h"

#include <criterion/criterion.h>

static bool is_too_much(unsigned removed, unsigned total)
{
    const struct removal removal = {.total = total, .removed = removed};

    return removal_is_too_much(&removal);
}

Test(removal, of_all_is_always_too_much)
{
    cr_assert(is_too_much(1, 1) && is_too_much(2, 2) && is_too_much(10000, 10000));
    cr_assert(!is_too_much(0, 0) && !is_too_much(0, 1));
}

Test(removal, of_more_than_half_is_too_much_among_many)
{
    cr_assert(!is_too_much(6, 7) && !is_too_much(4, 8) && !is_too_much(4, 9));
    cr_assert(is_too_much(5, 8) && is_too_much(5, 9) && is_too_much(5001, 10000));
}

Test(removal, counts_what_waits_for_host_names)
{
    struct tenant_files files = {0};
    struct registry registry = {0};
    struct removal removal;

    registry_add(&registry, SLICE("waits"), "file", NULL)->awaits_names = true;
    registry_add(&registry, SLICE("refused"), "file", NULL)->is_refused = true;
    removal = removal_of(&registry, &files);
    cr_assert(removal.total == 1 && removal.removed == 1);
    while (registry.records)
        registry_remove(&registry, registry.records);
}

Test(removal, counts_what_is_in_force_and_has_no_file)
{
    static const char *const names[] = {"a", "b", "c"};
    struct tenant_file items[] = {{.name = SLICE("a")}, {.name = SLICE("a")}, {.name = SLICE("x")}};
    struct tenant_files files = {.items = items, .count = 3};
    struct registry registry = {0};
    struct removal removal;

    for (unsigned i = 0; i < 3; i++) {
        struct record *record = registry_add(&registry, slice_of(names[i]), "file", NULL);

        if (i < 2)
            record->plan.bundle = ipc_blob_new(SLICE("bundle"));
    }
    removal = removal_of(&registry, &files);
    cr_assert(removal.total == 2 && removal.removed == 1);
    removal = removal_of(&registry, &files);
    cr_assert(removal.total == 2 && removal.removed == 1, "another round counts anew");
    while (registry.records)
        registry_remove(&registry, registry.records);
}
