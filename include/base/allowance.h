/* SPDX-License-Identifier: MIT */
/* How much a child may ask for: so much at once, so much in the long run. */
#ifndef BASE_ALLOWANCE_H
#define BASE_ALLOWANCE_H

#include <stdbool.h>

/* Embedded by its owner; all zero: unused. */
struct allowance {
    double left; /* at the time below; less than nothing when too much was spent */
    double at;   /* seconds, as loop_now() */
};

struct allowance_rate {
    double per_second;
    double at_once;
};

static inline void allowance_refill(struct allowance *allowance, double now,
                                    struct allowance_rate rate)
{
    allowance->left += (now - allowance->at) * rate.per_second;
    if (allowance->left > rate.at_once)
        allowance->left = rate.at_once;
    allowance->at = now;
}

/* Whether there is one left, which is taken. */
static inline bool allowance_take(struct allowance *allowance, double now, double per_second,
                                  double at_once)
{
    allowance_refill(allowance, now, (struct allowance_rate){per_second, at_once});
    if (allowance->left < 1.)
        return false;
    allowance->left -= 1.;
    return true;
}

/* Spends what has already been taken. Returns whether there was enough of it. */
static inline bool allowance_spend(struct allowance *allowance, double now,
                                   struct allowance_rate rate, double cost)
{
    allowance_refill(allowance, now, rate);
    allowance->left -= cost;
    return allowance->left >= 0.;
}

#endif
