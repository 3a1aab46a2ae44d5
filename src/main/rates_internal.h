/* SPDX-License-Identifier: MIT */
/* What happened between two looks at the gateway, for each tenant and for all. */
#ifndef MAIN_RATES_INTERNAL_H
#define MAIN_RATES_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define RATE_UNKNOWN (-1.) /* it takes two looks, and a gateway that tells */

struct rate {
    const char *name; /* the later look's, as its state */
    const char *state;
    double requests; /* per second */
    double errors;   /* of them, per second: a status of 5xx */
    double p99;      /* seconds of the slowest hundredth, infinite if past the last bound */
    double connections;
};

struct rates {
    struct rate *each;
    size_t count;
    size_t serving; /* of them */
    struct rate all;
};

enum rate_order {
    RATE_BY_REQUESTS, /* the largest first, and so on */
    RATE_BY_ERRORS,
    RATE_BY_P99,
    RATE_BY_CONNECTIONS,
    RATE_BY_STATE, /* what serves last */
    RATE_BY_NAME
};

/* Two statuses as -s status --json has them, and the seconds between them; before may be NULL. The
 * later one must live as long as the rates. */
void rates_make(struct rates *rates, const json_t *before, const json_t *now, double seconds);
void rates_free(struct rates *rates);

void rates_sort(struct rates *rates, enum rate_order order, bool is_reversed);

#endif
