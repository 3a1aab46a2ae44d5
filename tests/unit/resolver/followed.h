/* SPDX-License-Identifier: MIT */
/* Followed containers, with the test as their engine; connection 0 asks for the events. */
#ifndef TESTS_RESOLVER_FOLLOWED_H
#define TESTS_RESOLVER_FOLLOWED_H

#include "engine_rig.h"

#define FOLLOWED_RUNS(pid)                                                                         \
    "{\"Id\":\"77aa\",\"State\":{\"Status\":\"running\",\"Running\":true,\"Pid\":" pid "}}"

struct followed {
    struct engine_rig rig;
    struct containers containers;
    unsigned count; /* of reports */
    struct container_report last;
    char name[CONTAINER_NAME], sandbox[CONTAINER_SANDBOX], reason[ENGINE_TEXT];
};

/* Nobody is followed yet. */
void followed_init(struct followed *followed);
/* Follows one, and the engine has begun to send events. */
void followed_start(struct followed *followed, const char *name);
void followed_stop(struct followed *followed);

/* Sends an event over connection 0. */
void followed_event(struct followed *followed, const char *action, const char *name);

#endif
