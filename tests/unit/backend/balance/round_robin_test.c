/* SPDX-License-Identifier: MIT */
/* Smooth weighted round robin, held to the sequences that nginx gives. */
#include "balance_rig.h"

#include <criterion/criterion.h>

TestSuite(round_robin, .init = balance_rig_start, .fini = balance_rig_stop);

Test(round_robin, equal_weights_take_turns)
{
    cr_assert_str_eq(balance_rig_picks(7, 100), "abcabca");
}

Test(round_robin, weights_are_smooth_as_nginx_has_them)
{
    balance_rig.endpoint_configs[0].weight = 5;
    rig_bind(&balance_rig);
    cr_assert_str_eq(balance_rig_picks(14, 100), "aabacaaaabacaa");
}

Test(round_robin, a_failure_makes_an_endpoint_lighter_for_a_while)
{
    balance_rig.endpoint_configs[0].weight = 4;
    balance_rig.endpoint_configs[0].max_fails = 2;
    rig_bind(&balance_rig);
    balance_failed(balance_rig_endpoint(0), 100);
    cr_assert_eq(balance_rig_endpoint(0)->effective_weight, 2);
    balance_rig_picks(2, 100);
    cr_assert_eq(balance_rig_endpoint(0)->effective_weight, 4);
}
