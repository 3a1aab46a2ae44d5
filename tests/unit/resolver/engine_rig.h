/* SPDX-License-Identifier: MIT */
/* A loop, an engine's client on it, and the test as the container engine. */
#ifndef TESTS_RESOLVER_ENGINE_RIG_H
#define TESTS_RESOLVER_ENGINE_RIG_H

#include "resolver/containers_internal.h"

#define RIG_PEERS 32

/* What comes back from a connection that was asked over. */
#define RIG_OK "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

struct engine_rig {
    struct loop loop;
    int refusal;          /* errno that connections are refused with; 0: none */
    unsigned wanted;      /* connections that were not given yet */
    int peers[RIG_PEERS]; /* the engine's ends, in the order in which they were wanted; -1: closed
                           */
    unsigned peer_count;
    struct engine *engine;
};

void engine_rig_start(struct engine_rig *rig);
void engine_rig_stop(struct engine_rig *rig);

/* For engine_init and containers_init; the rig is their owner. */
void engine_rig_want(void *owner);

/* One turn that sleeps for at most a millisecond, and the connections that are wanted. */
void engine_rig_turn(struct engine_rig *rig);

/* Turns until the condition holds; the test fails after five seconds. */
#define engine_rig_until(rig, condition)                                                           \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            cr_assert_lt(turns_, 5000, "waited in vain for " #condition);                          \
            engine_rig_turn(rig);                                                                  \
        }                                                                                          \
    } while (0)

/* Waits for the whole head of the request of that connection, counted from 0. */
void engine_rig_request(struct engine_rig *rig, unsigned peer, char request[1024]);
/* Whether our side has closed it. */
bool engine_rig_is_closed(const struct engine_rig *rig, unsigned peer);

void engine_rig_send(struct engine_rig *rig, unsigned peer, const char *bytes);
/* As one chunk. */
void engine_rig_chunk(struct engine_rig *rig, unsigned peer, const char *bytes);
/* A whole answer of status 200 with that body. */
void engine_rig_answer(struct engine_rig *rig, unsigned peer, const char *body);
void engine_rig_close(struct engine_rig *rig, unsigned peer);

#endif
