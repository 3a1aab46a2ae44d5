/* SPDX-License-Identifier: MIT */
/* The loop's clocks. */
#include "loop_internal.h"

#include <time.h>

/* How often CLOCK_REALTIME is looked at. */
#define WALL_SECONDS 0.5

static double clock_of(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now); /* vDSO: no system call, but for CPU time */
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double loop_clock(void)
{
    return clock_of(CLOCK_MONOTONIC); /* the one libev's timers run by */
}

double clocks_cpu(void)
{
    return clock_of(CLOCK_THREAD_CPUTIME_ID);
}

void clocks_look(struct loop *loop)
{
    loop->now = loop_clock();
    if (loop->now - loop->wall_offset_at < WALL_SECONDS)
        return;
    loop->wall_offset = clock_of(CLOCK_REALTIME) - loop->now;
    loop->wall_offset_at = loop->now;
}

double loop_now(const struct loop *loop)
{
    return loop->now;
}

double loop_wall(const struct loop *loop)
{
    return loop->now + loop->wall_offset;
}
