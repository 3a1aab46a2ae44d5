/* SPDX-License-Identifier: MIT */
/* What -s top shows: rates as lines of text. */
#ifndef MAIN_VIEW_INTERNAL_H
#define MAIN_VIEW_INTERNAL_H

#include "rates_internal.h"

#include <stdio.h>

struct view {
    enum rate_order order;
    bool is_reversed;
    size_t first; /* line of tenants that is shown */
    unsigned width;
    unsigned height;
};

/* A key, or the bytes that an arrow or page key sends. Returns whether something was to be done. */
bool view_key(struct view *view, const char *bytes, size_t len);

/* The whole screen, as a terminal is to be sent it; age: seconds for which the gateway has not
 * answered, told when it is long. */
void view_screen(struct view *view, FILE *out, const json_t *gateway, struct rates *rates,
                 double age);

/* All of it as a table, as wide as it is. */
void view_table(FILE *out, const json_t *gateway, struct rates *rates);

#endif
