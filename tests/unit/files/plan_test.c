/* SPDX-License-Identifier: MIT */
/* Plans as values. */
#include "files/plan.h"

#include <criterion/criterion.h>

Test(plan, finds_listeners_by_their_address)
{
    struct plan_listener listeners[2] = {{.text = (char *)"[::]:443", .ipv6only = true},
                                         {.text = (char *)"10.0.0.1:80"}};
    struct plan plan = {.listeners = listeners, .listener_count = 2};
    struct plan_listener dual = {.text = (char *)"[::]:443"};
    struct plan_listener other = {.text = (char *)"10.0.0.1:80", .backlog = 7};

    cr_assert_eq(plan_find_listener(&plan, "10.0.0.1:80"), &listeners[1]);
    cr_assert_null(plan_find_listener(&plan, "10.0.0.1:81"));
    cr_assert_null(plan_find_same(&plan, &dual), "a socket cannot become one of both families");
    cr_assert_eq(plan_find_same(&plan, &other), &listeners[1]);
}

Test(plan, is_of_one_namespace_by_its_text)
{
    struct plan a = {.netns.text = (char *)"acme"};
    struct plan b = {.netns.text = (char *)"acme"};
    struct plan none = {0};

    cr_assert(plan_same_netns(&a, &b));
    cr_assert_not(plan_same_netns(&a, &none));
    cr_assert_not(plan_same_netns(&none, &none), "nothing is in force");
}
