/* SPDX-License-Identifier: MIT */
/* Neighbours in one namespace. */
#include "supervisor/residences_internal.h"

#include <criterion/criterion.h>

Test(residences, who_lives_where)
{
    struct registry registry = {0};
    struct record a = {0};
    struct record b = {0};
    struct netns_id one = {4, 17};
    struct netns_id two = {4, 18};

    cr_assert_null(residence_other(&registry, one, &a));
    residence_leave(&registry, &a);
    residence_enter(&registry, &a, one);
    residence_enter(&registry, &a, one);
    cr_assert_null(residence_other(&registry, one, &a));
    cr_assert_eq(residence_other(&registry, one, &b), &a);
    cr_assert_null(residence_other(&registry, two, &b));
    residence_enter(&registry, &b, one);
    cr_assert_eq(residence_other(&registry, one, &a), &b);
    cr_assert_eq(residence_other(&registry, one, &b), &a);
    residence_enter(&registry, &a, two); /* it moves */
    cr_assert_null(residence_other(&registry, one, &b));
    cr_assert_eq(residence_other(&registry, two, &b), &a);
    residence_leave(&registry, &a);
    residence_leave(&registry, &b);
    cr_assert_null(residence_other(&registry, one, NULL));
    cr_assert_null(registry.residences);
}
