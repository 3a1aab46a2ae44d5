/* SPDX-License-Identifier: MIT */
/* Those who are served first, and those who wait. */
#include "crowd.h"

#include <criterion/criterion.h>
#include <unistd.h>

struct rig rig;
struct visit visits[CROWD];
int fds[CROWD];

void crowd_begin(void)
{
    rig_init(&rig, 2);
    rig.upstream.endpoint_count = 1;
    rig_bind(&rig);
}

void crowd_end(void)
{
    for (unsigned i = 0; i < CROWD; i++) {
        if (visits[i].rig)
            visit_close(&visits[i]);
        if (fds[i] > 0)
            close(fds[i]);
    }
    rig_free(&rig);
}

bool waits(unsigned i)
{
    return visits[i].attempts.waiting;
}

void fill(void)
{
    for (unsigned i = 0; i < FIRST; i++)
        visit_get(&visits[i], &rig);
}

void more(unsigned count)
{
    for (unsigned i = FIRST; i < FIRST + count; i++) {
        visit_get(&visits[i], &rig);
        cr_assert(waits(i));
    }
}
