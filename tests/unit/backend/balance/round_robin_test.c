/* SPDX-License-Identifier: MIT */
/* Smooth weighted round robin, held to the sequences that nginx gives. */
#include "backend/balance/balance_internal.h"
#include "backend/rig.h"

#include <criterion/criterion.h>

static struct rig rig;

static void setup(void)
{
    rig_init(&rig, 3);
}

static void teardown(void)
{
    rig_free(&rig);
}

TestSuite(round_robin, .init = setup, .fini = teardown);

/* Picks with fresh attempts each time; returns the endpoints as letters, '-' for none. */
static const char *picks(unsigned count, double now)
{
    static char letters[64];
    struct backend_group *group = rig_group(&rig);
    for (unsigned i = 0; i < count; i++) {
        struct backend_attempts attempts = {0};
        const struct backend_endpoint *endpoint = balance_pick(group, &attempts, now);
        letters[i] = '-';
        for (uint32_t k = 0; k < group->endpoint_count; k++)
            if (group->endpoints[k] == endpoint)
                letters[i] = (char)('a' + k);
    }
    letters[count] = '\0';
    return letters;
}

static struct backend_endpoint *endpoint(unsigned index)
{
    return rig_group(&rig)->endpoints[index];
}

Test(round_robin, equal_weights_take_turns)
{
    cr_assert_str_eq(picks(7, 100), "abcabca");
}

Test(round_robin, weights_are_smooth_as_nginx_has_them)
{
    rig.endpoint_configs[0].weight = 5;
    rig_bind(&rig);
    cr_assert_str_eq(picks(14, 100), "aabacaaaabacaa");
}

Test(round_robin, a_failure_makes_an_endpoint_lighter_for_a_while)
{
    rig.endpoint_configs[0].weight = 4;
    rig.endpoint_configs[0].max_fails = 2;
    rig_bind(&rig);
    balance_failed(endpoint(0), 100);
    cr_assert_eq(endpoint(0)->effective_weight, 2);
    picks(2, 100);
    cr_assert_eq(endpoint(0)->effective_weight, 4);
}
