/* SPDX-License-Identifier: MIT */
/* Claims of addresses in the host's namespace. */
#include "supervisor/claims_internal.h"

#include <criterion/criterion.h>

Test(claims, the_first_keeps_it_until_it_lets_go)
{
    struct registry registry = {0};
    struct record *a = registry_add(&registry, SLICE("a"), "/a.conf", NULL);
    struct record *b = registry_add(&registry, SLICE("b"), "/b.conf", NULL);
    struct plan_listener one = {.text = (char *)"1.1.1.1:1"};
    struct plan_listener two = {.text = (char *)"2.2.2.2:2"};
    struct plan_listener both[] = {one, two};
    struct plan plan = {.netns.kind = NETNS_HOST, .listeners = both, .listener_count = 2};
    struct plan next = {.netns.kind = NETNS_HOST, .listeners = &two, .listener_count = 1};

    claims_take(&registry, SLICE("1.1.1.1:1"), a);
    claims_take(&registry, SLICE("2.2.2.2:2"), a);
    claims_take(&registry, SLICE("2.2.2.2:2"), b);
    cr_assert_eq(claims_owner(&registry, SLICE("2.2.2.2:2")), a);
    claims_release(&registry, b, &plan, NULL);
    cr_assert_eq(claims_owner(&registry, SLICE("2.2.2.2:2")), a);
    claims_release(&registry, a, &plan, &next);
    cr_assert_null(claims_owner(&registry, SLICE("1.1.1.1:1")));
    cr_assert_eq(claims_owner(&registry, SLICE("2.2.2.2:2")), a);
    claims_release(&registry, a, &plan, NULL);
    cr_assert_null(claims_owner(&registry, SLICE("2.2.2.2:2")));
    registry_remove(&registry, a);
    registry_remove(&registry, b);
}
