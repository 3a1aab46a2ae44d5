/* SPDX-License-Identifier: MIT */
/* What is under way in a process: counted, so that who waits for the end of it all is told, and can
 * say what it still waits for. */
#ifndef IO_PENDING_H
#define IO_PENDING_H

#include "io/loop.h"

#include <stdbool.h>

/* What waits for the end of a thing that is under way; bits. */
enum pending_scope {
    PENDING_RELOAD = 1,  /* a reload: what it has led to is not yet in force everywhere */
    PENDING_UPGRADE = 2, /* an upgrade: another binary that took over now would miss it */
    PENDING_ARRIVAL = 4  /* the binary that has taken over, until the upgrade is done */
};

#define PENDING_TEXT 160 /* bytes of what is under way, its end included */

struct hold;

/* Says what is under way, as in "waits for ...". */
typedef void hold_describe(const struct hold *hold, char text[PENDING_TEXT]);

/* One thing that may be under way. Embedded by its owner, who ends it before it goes. */
struct hold {
    TAILQ_ENTRY(hold) next;
    struct loop *loop;
    hold_describe *describe;
    unsigned scopes; /* 0: it is not under way */
    double since;    /* loop_now() */
};

void hold_init(struct hold *hold, struct loop *loop, hold_describe *describe);

/* It is under way for these scopes, and for no others; 0: it has ended. */
void hold_set(struct hold *hold, unsigned scopes);

/* Who waits. Embedded by its owner, who sets scope and on_idle. */
struct pending_waiter {
    TAILQ_ENTRY(pending_waiter) next;
    enum pending_scope scope;
    /* At the end of a turn in which it has begun to wait, or something has ended: nothing of that
     * scope is under way. May end the waiting. */
    void (*on_idle)(struct pending_waiter *waiter);
};

void pending_wait(struct loop *loop, struct pending_waiter *waiter);
void pending_wait_no_more(struct loop *loop, struct pending_waiter *waiter);

/* What is under way of that scope for longest; NULL: nothing. */
const struct hold *pending_first(const struct loop *loop, enum pending_scope scope);

#endif
