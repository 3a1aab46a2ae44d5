/* SPDX-License-Identifier: MIT */
/* Names and their nearest neighbours, for "did you mean". */
#ifndef CONFIG_NAMES_INTERNAL_H
#define CONFIG_NAMES_INTERNAL_H

#include "base/slice.h"

/* The best candidate so far; zeroed before the first. */
struct nearest {
    const char *name; /* NULL when none is near enough */
    unsigned distance;
};

/* Looks whether candidate is nearer to written: at most a third of its letters away, by
 * insertion, deletion, exchange and transposition of neighbours. */
void nearest_try(struct nearest *nearest, struct slice written, const char *candidate);

#endif
