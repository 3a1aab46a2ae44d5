/* SPDX-License-Identifier: MIT */
/* Cuts a stream of bytes into JSON objects, wherever it came in pieces, without understanding them.
 */
#ifndef RESOLVER_JSON_SPLIT_INTERNAL_H
#define RESOLVER_JSON_SPLIT_INTERNAL_H

#include "base/chain.h"
#include "base/error.h"

#define JSON_DEPTH 64 /* of nested objects and arrays; RFC 8259 section 9 lets a parser choose */

/* Embedded by its owner; zeroed before the first byte but for the limit. */
struct json_split {
    size_t limit; /* most bytes of one object */
    char *object; /* what there is of it so far */
    size_t len;
    size_t room;
    uint32_t depth; /* 0: between objects */
    bool in_string;
    bool is_escaped;
};

void json_split_init(struct json_split *split, size_t limit);
void json_split_free(struct json_split *split);

/* Forgets a part of an object. */
void json_split_reset(struct json_split *split);

/* Takes bytes out of the chain. Returns 1 when an object is complete: *object is valid until the
 * next call, more may wait in the chain. Returns 0 when the chain is empty, ERROR_RESPONSE for
 * other bytes than white space between objects and for an object that is too deep, or
 * ERROR_RESPONSE_TOO_LARGE for one that is larger than the limit. */
int json_split_next(struct json_split *split, struct chain *in, struct slice *object);

#endif
