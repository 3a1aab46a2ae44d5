/* SPDX-License-Identifier: MIT */
/* Claims of addresses in the host's namespace. */
#include "sockets/claims.h"

#include <criterion/criterion.h>

Test(claims, the_first_keeps_it_until_it_lets_go)
{
    struct claims claims = {0};
    struct tenant_sockets a = {0};
    struct tenant_sockets b = {0};
    struct plan_listener one = {.text = (char *)"1.1.1.1:1"};
    struct plan_listener two = {.text = (char *)"2.2.2.2:2"};
    struct plan_listener both[] = {one, two};
    struct plan plan = {.netns.kind = NETNS_HOST, .listeners = both, .listener_count = 2};
    struct plan next = {.netns.kind = NETNS_HOST, .listeners = &two, .listener_count = 1};

    claims_take(&claims, SLICE("1.1.1.1:1"), &a);
    claims_take(&claims, SLICE("2.2.2.2:2"), &a);
    claims_take(&claims, SLICE("2.2.2.2:2"), &b);
    cr_assert_eq(claims_owner(&claims, SLICE("2.2.2.2:2")), &a);
    claims_release(&claims, &b, &plan, NULL);
    cr_assert_eq(claims_owner(&claims, SLICE("2.2.2.2:2")), &a);
    claims_release(&claims, &a, &plan, &next);
    cr_assert_null(claims_owner(&claims, SLICE("1.1.1.1:1")));
    cr_assert_eq(claims_owner(&claims, SLICE("2.2.2.2:2")), &a);
    claims_release(&claims, &a, &plan, NULL);
    cr_assert_null(claims_owner(&claims, SLICE("2.2.2.2:2")));
    cr_assert_null(claims.all);
}
