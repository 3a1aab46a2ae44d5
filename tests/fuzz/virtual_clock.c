/* SPDX-License-Identifier: MIT */
/* The time that the program sees. */
#include "virtual_clock.h"

#include <stdint.h>
#include <time.h>

#define SECOND 1000000000u

/* The linker's name for what calls of clock_gettime get. */
int __wrap_clock_gettime(clockid_t id, struct timespec *now);

static uint64_t nanoseconds = UINT64_C(1000) * SECOND;
static uint64_t step = 100;

void virtual_clock_set_pace(unsigned pace)
{
    step = UINT64_C(100) << pace % VIRTUAL_CLOCK_PACES;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *now)
{
    (void)id;
    nanoseconds += step;
    now->tv_sec = (time_t)(nanoseconds / SECOND);
    now->tv_nsec = (long)(nanoseconds % SECOND);
    return 0;
}
