/* SPDX-License-Identifier: MIT */
/* Names in Unicode, as clients send them. */
#ifndef CONFIG_PUNYCODE_INTERNAL_H
#define CONFIG_PUNYCODE_INTERNAL_H

#include "base/arena.h"

/* The name with its labels that are not ASCII in lower case and as A-labels (RFC 5890 section
 * 2.3.2.1), which is what clients send, unless the name is one that they would normalize first.
 * Wildcards stay. Empty when it is no UTF-8, or longer than a name may be. */
struct slice punycode_name(struct arena *arena, struct slice name);

#endif
