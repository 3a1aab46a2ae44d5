/* SPDX-License-Identifier: MIT */
/* One container that is followed: what is known of it, and the question that is on the way. */
#ifndef RESOLVER_CONTAINER_INTERNAL_H
#define RESOLVER_CONTAINER_INTERNAL_H

#include "containers_internal.h"

#include <uthash.h>

struct container {
    UT_hash_handle hh; /* by name */
    TAILQ_ENTRY(container) next;
    TAILQ_ENTRY(container) next_due;
    struct containers *containers;
    struct engine_call call;
    struct json_split split;
    struct container_facts answer;
    bool has_answer; /* a whole one */
    bool has_failed; /* must be asked for again */
    bool is_due;
    double asked_at; /* loop_now() of the last question; 0: never */
    double pause;    /* seconds from that to the next one, at least */
    bool was_held;   /* it had to wait for that */
    bool is_told;    /* what is below was reported */
    struct container_facts facts;
    char reason[ENGINE_TEXT];
    char target[CONTAINER_NAME + 32];
    char name[];
};

struct container *container_new(struct containers *containers, struct slice name);
void container_free(struct container *container);

/* Reports what is known of it. */
void container_tell(struct container *container);

/* It cannot be asked for. What is known of it is not worse for that, since its process is followed
 * by the supervisor; who knows nothing yet is told why. */
void container_learn_trouble(struct container *container, const char *trouble);

/* It is asked for at the next container_ask_due; again, if a question is on the way: what that
 * brings may be of before. */
void container_want(struct container *container);

/* Asks for those that are due, as many at once as is good for the engine. One that was asked for a
 * moment ago waits, longer each time (0.1 s to 0.8 s): who flaps must not fill the log,
 * which tells of it once. */
void container_ask_due(struct containers *containers);

#endif
