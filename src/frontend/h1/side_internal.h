/* SPDX-License-Identifier: MIT */
/* What a connection has of HTTP/1: its state, and the codec's. */
#ifndef FRONTEND_H1_SIDE_INTERNAL_H
#define FRONTEND_H1_SIDE_INTERNAL_H

#include "base/close.h"
#include "h1/read.h"
#include "h1/write.h"

struct exchange;

/* What holds in a state. */
enum front_h1_trait {
    FRONT_H1_READS_HEAD = 1,
    FRONT_H1_READS_BODY = 2,
    FRONT_H1_READS_TUNNEL = 4,
    FRONT_H1_QUEUES = 8,   /* what comes is of the next request */
    FRONT_H1_DROPS = 16,   /* what comes is not wanted */
    FRONT_H1_AWAITS = 32,  /* no final response has come */
    FRONT_H1_SENDS = 64,   /* bytes of the response are moved */
    FRONT_H1_IS_OVER = 128 /* at the turn's end front_h1_finish has something to do */
};

/* How far the request has been read and its response been queued: one state for both, since what
 * may follow depends on both. X(NAME, name in the log, traits) */
#define FRONT_H1_STATES(X)                                                                         \
    /* between requests; a head is incomplete, or waits for room to answer it */                   \
    X(IDLE, "idle", FRONT_H1_READS_HEAD)                                                           \
    X(HEAD, "head", FRONT_H1_READS_HEAD)                                                           \
    /* the body comes: the response is awaited, leaves, is complete */                             \
    X(UPLOAD, "upload", FRONT_H1_READS_BODY | FRONT_H1_AWAITS)                                     \
    X(DUPLEX, "duplex", FRONT_H1_READS_BODY | FRONT_H1_SENDS)                                      \
    X(ANSWERED, "answered", FRONT_H1_READS_BODY | FRONT_H1_IS_OVER)                                \
    /* the request is complete: the same; ASKED: the client, which has ended its side, got a 100   \
     */                                                                                            \
    X(AWAIT, "await", FRONT_H1_QUEUES | FRONT_H1_AWAITS)                                           \
    X(ASKED, "asked", FRONT_H1_QUEUES | FRONT_H1_AWAITS)                                           \
    X(RESPOND, "respond", FRONT_H1_QUEUES | FRONT_H1_SENDS)                                        \
    X(COMPLETE, "complete", FRONT_H1_QUEUES | FRONT_H1_IS_OVER)                                    \
    /* the rest of the request is not wanted: the response is awaited, leaves */                   \
    X(REFUSED, "refused", FRONT_H1_DROPS | FRONT_H1_AWAITS)                                        \
    X(REFUSE, "refuse", FRONT_H1_DROPS | FRONT_H1_SENDS)                                           \
    /* the response broke off */                                                                   \
    X(BROKEN, "broken", 0)                                                                         \
    /* raw bytes, both ways; after the server's end, the client's, both ends */                    \
    X(TUNNEL, "tunnel", FRONT_H1_READS_TUNNEL | FRONT_H1_SENDS)                                    \
    X(TUNNEL_UP, "tunnel_up", FRONT_H1_READS_TUNNEL | FRONT_H1_IS_OVER)                            \
    X(TUNNEL_DOWN, "tunnel_down", FRONT_H1_SENDS)                                                  \
    X(TUNNEL_ENDED, "tunnel_ended", FRONT_H1_IS_OVER)                                              \
    /* HTTP/1 is spoken no more */                                                                 \
    X(GONE, "gone", 0)

enum front_h1_state {
#define X(name, text, traits) FRONT_H1_##name,
    FRONT_H1_STATES(X)
#undef X
};

struct front_h1_side {
    enum front_h1_state state;
    struct exchange *exchange; /* NULL between requests */
    struct h1_head_reader head;
    struct h1_body_reader body;
    enum h1_framing framing; /* of the response */
    enum close_reason last;  /* why none follows the current request; CLOSE_NONE: one may */
    bool is_pipelined;       /* the next request was there before the last response had left */
    bool sends_body;         /* the client was told to send the body, or does so unasked */
    bool is_pumping;         /* the response is being moved: nested calls have nothing to do */
};

#endif
