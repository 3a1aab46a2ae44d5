/* SPDX-License-Identifier: MIT */
/* Questions to the container engine: one GET over one connection, which the supervisor makes. */
#ifndef RESOLVER_ENGINE_INTERNAL_H
#define RESOLVER_ENGINE_INTERNAL_H

#include "base/error.h"
#include "h1/read.h"
#include "io/deadline.h"
#include "io/stream.h"

#define ENGINE_TEXT    160  /* bytes of a reason for people */
#define ENGINE_SECONDS 10.0 /* for a whole answer; for the head of one that never ends */

struct engine_call;

/* How a call ended. Both texts are constant, or the engine's until the next one ends. */
struct engine_outcome {
    int status;       /* of the answer's head; 0: none came */
    bool is_absent;   /* there was no connection to ask over */
    const char *what; /* NULL: the whole answer is there, or its status was not 200 */
    const char *why;  /* may be NULL */
};

struct engine_events {
    /* A head with status 200 has come. May be NULL. */
    void (*on_open)(struct engine_call *call);
    /* Bytes of its body, to be taken out of the chain. Returns 0, or an error that ends the call.
     */
    int (*on_body)(struct engine_call *call, struct chain *body);
    /* Once, never from within engine_get. Any status but 200 ends the call without its body. */
    void (*on_end)(struct engine_call *call, const struct engine_outcome *outcome);
};

/* Embedded by its owner; zeroed before its first use. */
struct engine_call {
    TAILQ_ENTRY(engine_call) next;
    struct engine *engine; /* NULL: idle */
    const struct engine_events *events;
    const char *target;
    bool is_endless;       /* no time limit once the head is there */
    struct stream *stream; /* NULL: waits for its connection */
    struct deadline deadline;
    struct arena arena; /* of the head */
    struct chain in;
    struct chain body;
    struct h1_head_reader head;
    struct h1_body_reader reader;
    int status; /* 0: the head is still being read */
};

/* Embedded by its owner. */
struct engine {
    struct loop *loop;
    void (*want_connection)(void *owner); /* engine_on_connection follows, once for each */
    void *owner;
    TAILQ_HEAD(, engine_call) waiting; /* for a connection */
    char refusal[ENGINE_TEXT];         /* why there was none, and where */
};

void engine_init(struct engine *engine, struct loop *loop, void (*want_connection)(void *owner),
                 void *owner);

/* A connected, non-blocking socket, taken over; or -1 and why there is none (an errno). path: what
 * it is, or was to be, connected to. */
void engine_on_connection(struct engine *engine, int fd, int error, struct slice path);

/* Asks for target, which must live as long as the call. */
void engine_get(struct engine *engine, struct engine_call *call, const char *target,
                const struct engine_events *events);

/* Why the call did not bring what was asked for. */
void engine_describe(const struct engine_outcome *outcome, char text[ENGINE_TEXT]);

/* Gives the call up, without on_end; harmless when it is idle. */
void engine_cancel(struct engine_call *call);

static inline bool engine_is_busy(const struct engine_call *call)
{
    return call->engine;
}

#endif
