/* SPDX-License-Identifier: MIT */
/* Picks, written down. */
#include "balance_rig.h"

struct rig balance_rig;

void balance_rig_start(void)
{
    rig_init(&balance_rig, 3);
}

void balance_rig_stop(void)
{
    rig_free(&balance_rig);
}

const char *balance_rig_picks(unsigned count, double now)
{
    static char letters[64];
    struct backend_group *group = rig_group(&balance_rig);
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

struct backend_endpoint *balance_rig_endpoint(unsigned index)
{
    return rig_group(&balance_rig)->endpoints[index];
}
