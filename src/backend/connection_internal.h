/* SPDX-License-Identifier: MIT */
/* What group, balance and pool know of a connection: that it serves one endpoint in some protocol.
 */
#ifndef BACKEND_CONNECTION_INTERNAL_H
#define BACKEND_CONNECTION_INTERNAL_H

#include "backend/backend.h"
#include "close_internal.h"

struct backend_connection;
struct stream;

/* One version of HTTP towards servers. */
struct backend_protocol {
    bool is_http2;
    /* Connects to the endpoint and attaches to the exchange; never calls into the exchange before
     * it returns. Returns 0, or ERROR_DESCRIPTORS with nothing attached. */
    int (*open)(struct backend_endpoint *endpoint, struct exchange *exchange,
                struct backend_attempts *attempts);
    /* Attaches a connection that was idle (and is out of the pool), or is shared, to the exchange,
     * as open. */
    void (*assign)(struct backend_connection *connection, struct exchange *exchange,
                   struct backend_attempts *attempts);
    /* Ends an idle connection at once; reason: see backend_close_token. The memory goes at the
     * turn's end. */
    void (*close)(struct backend_connection *connection, int reason);
    /* The namespace that it is in is gone: one that is idle ends now, any other takes no more
     * exchanges and ends after those it has. */
    void (*leave)(struct backend_connection *connection);
    /* Ends it now, whatever it does. */
    void (*cut)(struct backend_connection *connection);
    /* Goes on with a stream that is open, since ALPN did not agree on the other version. It owns
     * the stream and attaches to the exchange, which has no end attached; nothing is called before
     * this returns. NULL: no stream is ever handed to this version. */
    void (*take_over)(struct backend_endpoint *endpoint, struct stream *stream,
                      struct exchange *exchange, struct backend_attempts *attempts);
};

/* How a connection stands to the network namespace of its endpoint. */
enum backend_standing {
    BACKEND_APART,   /* it has no socket there: not yet, or there is no such namespace */
    BACKEND_PRESENT, /* it has one */
    BACKEND_STALE    /* it has one, and that is gone or no longer the tenant's */
};

/* Embedded first by every protocol's connection. */
struct backend_connection {
    const struct backend_protocol *protocol;
    struct backend_endpoint *endpoint; /* holds one of its references */
    bool is_idle;                      /* in the pool */
    bool is_shared;                    /* carries exchanges, and takes more */
    bool is_making;                    /* see making_internal.h */
    double opened;                     /* loop_now() then */
    enum backend_standing standing;
    double cut_at; /* stale: loop_now() when it is cut */
    TAILQ_ENTRY(backend_connection) of_endpoint;
    TAILQ_ENTRY(backend_connection) of_group;
    TAILQ_ENTRY(backend_connection) of_netns;
    TAILQ_ENTRY(backend_connection) of_making;
};

TAILQ_HEAD(backend_connections, backend_connection);

extern const struct backend_protocol back_h1_protocol;
extern const struct backend_protocol back_h2_protocol;

/* Attaches a connection to the endpoint to the exchange: a shared one, an idle one, or a new one;
 * or lets the exchange wait for one. attempts live as long as the exchange; attempts->reused tells
 * whether it was there before. after: 0, or the time (loop_now()) after which it must have been
 * opened. Returns 0 or ERROR_DESCRIPTORS. */
int backend_connect(struct backend_endpoint *endpoint, struct exchange *exchange,
                    struct backend_attempts *attempts, double after);

/* Whether there is one, or may be a new one; and the same without waiting, when there is. */
bool backend_has_connection(struct backend_endpoint *endpoint,
                            const struct backend_attempts *attempts);
int backend_connect_now(struct backend_endpoint *endpoint, struct exchange *exchange,
                        struct backend_attempts *attempts);

/* The server has begun to answer over it what it was asked at that time (loop_now()). */
void backend_answered(struct backend_connection *connection, const struct exchange *exchange,
                      double asked);

#endif
