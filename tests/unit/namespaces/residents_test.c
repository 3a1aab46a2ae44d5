/* SPDX-License-Identifier: MIT */
/* Neighbours in one namespace. */
#include "namespaces/residents.h"

#include <criterion/criterion.h>

Test(residents, who_lives_where)
{
    struct residents residents = {0};
    struct resident a = {0};
    struct resident b = {0};
    struct netns_id one = {4, 17};
    struct netns_id two = {4, 18};

    cr_assert_null(residents_other(&residents, one, &a));
    residents_leave(&residents, &a);
    residents_enter(&residents, &a, one);
    residents_enter(&residents, &a, one);
    cr_assert_null(residents_other(&residents, one, &a));
    cr_assert_eq(residents_other(&residents, one, &b), &a);
    cr_assert_null(residents_other(&residents, two, &b));
    residents_enter(&residents, &b, one);
    cr_assert_eq(residents_other(&residents, one, &a), &b);
    cr_assert_eq(residents_other(&residents, one, &b), &a);
    residents_enter(&residents, &a, two); /* it moves */
    cr_assert_null(residents_other(&residents, one, &b));
    cr_assert_eq(residents_other(&residents, two, &b), &a);
    residents_leave(&residents, &a);
    residents_leave(&residents, &b);
    cr_assert_null(residents_other(&residents, one, NULL));
    cr_assert_null(residents.residences);
}
