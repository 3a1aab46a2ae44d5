/* SPDX-License-Identifier: MIT */
/* What a client likes to be answered (RFC 9110 section 12.5). */
#ifndef OBSERVER_ACCEPT_INTERNAL_H
#define OBSERVER_ACCEPT_INTERNAL_H

#include "http/fields.h"

/* How much it likes that, from 0 to 1000, by all fields of that name (Accept, Accept-Encoding); by
 * the most specific member of their lists. Patterns ("*", "text/" and a star) count for text/plain
 * and for codings, not for other types: those are to be asked for by name. */
unsigned accept_quality(const struct http_fields *fields, struct slice field, struct slice what);

#endif
