/* SPDX-License-Identifier: MIT */
/* -s status --check: whether anything is wrong. */
#ifndef MAIN_CHECK_INTERNAL_H
#define MAIN_CHECK_INTERNAL_H

#include <jansson.h>
#include <stdio.h>
#include <time.h>

/* Exit statuses, as monitoring plugins have them (monitoring-plugins.org, "Development
 * Guidelines"). */
enum check {
    CHECK_FINE,
    CHECK_WARNING,  /* all is served, but not for ever, or not as it is meant */
    CHECK_CRITICAL, /* something is not served, or soon will not be */
    CHECK_UNKNOWN   /* the gateway cannot be asked */
};

/* A line for each thing that is wrong in a status as --json has it, the critical ones first;
 * nothing if all is well. now: seconds since 1970. Returns the worst. */
enum check check_print(FILE *out, const json_t *gateway, time_t now);

#endif
