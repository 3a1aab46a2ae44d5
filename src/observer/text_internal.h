/* SPDX-License-Identifier: MIT */
/* Bytes that several answers share. */
#ifndef OBSERVER_TEXT_INTERNAL_H
#define OBSERVER_TEXT_INTERNAL_H

#include "base/slice.h"

#include <stdlib.h>

struct text {
    unsigned references;
    struct slice bytes; /* of malloc(3) */
};

/* Owns bytes from now on; one reference is the caller's. */
struct text *text_new(struct slice bytes);
/* Copies them. */
struct text *text_copy(struct slice bytes);
struct text *text_ref(struct text *text);
/* NULL is ignored. */
void text_unref(struct text *text);

#endif
