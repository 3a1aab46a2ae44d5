/* SPDX-License-Identifier: MIT */
/* Host names to addresses, without blocking: the only file that knows c-ares is names.c. */
#ifndef RESOLVER_NAMES_INTERNAL_H
#define RESOLVER_NAMES_INTERNAL_H

#include "base/address.h"
#include "io/loop.h"

/* Addresses of one name that are used; a server line cannot want more. */
#define NAMES_ADDRESSES 64

struct names_answer {
    struct address addresses[NAMES_ADDRESSES]; /* port 0; IPv4 first, sorted, each once */
    uint32_t count;
    bool is_cut;        /* there were more */
    const char *reason; /* constant; why there are none */
};

/* One question. Embedded by who asks. */
struct names_lookup {
    TAILQ_ENTRY(names_lookup) next;
    /* The answer is valid during the callback. */
    void (*on_answer)(struct names_lookup *lookup, const struct names_answer *answer);
};

struct names;

struct names *names_new(struct loop *loop);
/* Open questions are dropped: their on_answer is not called. */
void names_free(struct names *names);

/* Asks /etc/hosts and DNS for both families, at most 5 s from when its turn comes. Equal hosts that
 * are asked for at the same time are one query. on_answer never comes before this returns. */
void names_ask(struct names *names, struct names_lookup *lookup, struct slice host);

#endif
