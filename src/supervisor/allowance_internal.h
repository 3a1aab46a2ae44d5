/* SPDX-License-Identifier: MIT */
/* How much a child may ask for: so much at once, so much in the long run. */
#ifndef SUPERVISOR_ALLOWANCE_INTERNAL_H
#define SUPERVISOR_ALLOWANCE_INTERNAL_H

#include <stdbool.h>

/* Embedded by its owner; all zero: unused. */
struct allowance {
    double left; /* at the time below */
    double at;   /* seconds, as loop_now() */
};

/* Whether there is one left, which is taken. */
static inline bool allowance_take(struct allowance *allowance, double now, double per_second,
                                  double at_once)
{
    allowance->left += (now - allowance->at) * per_second;
    if (allowance->left > at_once)
        allowance->left = at_once;
    allowance->at = now;
    if (allowance->left < 1.)
        return false;
    allowance->left -= 1.;
    return true;
}

#endif
