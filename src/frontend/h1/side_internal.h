/* SPDX-License-Identifier: MIT */
/* What a connection has of HTTP/1: its state, and the codec's. */
#ifndef FRONTEND_H1_SIDE_INTERNAL_H
#define FRONTEND_H1_SIDE_INTERNAL_H

#include "base/close.h"
#include "h1/read.h"
#include "h1/write.h"

struct exchange;

/* How far the request has been read and its response been queued: one state for both, since what
 * may follow depends on both. X(NAME, name in the log) */
#define FRONT_H1_STATES(X)                                                                         \
    X(IDLE, "idle")               /* no byte of the next request is here */                        \
    X(HEAD, "head")               /* a head is incomplete, or waits for room to answer it */       \
    X(UPLOAD, "upload")           /* the body comes, the response is awaited */                    \
    X(DUPLEX, "duplex")           /* the body comes, the response leaves */                        \
    X(ANSWERED, "answered")       /* the body comes, though the response is complete */            \
    X(AWAIT, "await")             /* the request is complete, the response is awaited */           \
    X(ASKED, "asked")             /* the same; the client has ended its side and was sent a 100 */ \
    X(RESPOND, "respond")         /* the request is complete, the response leaves */               \
    X(REFUSED, "refused")         /* the request's rest is dropped, the response is awaited */     \
    X(REFUSE, "refuse")           /* the same, the response leaves */                              \
    X(COMPLETE, "complete")       /* at the turn's end comes the next request, or the end */       \
    X(BROKEN, "broken")           /* the response broke off: the end comes at the turn's end */    \
    X(TUNNEL, "tunnel")           /* raw bytes, both ways */                                       \
    X(TUNNEL_UP, "tunnel_up")     /* the server has ended its side, the client not */              \
    X(TUNNEL_DOWN, "tunnel_down") /* the client has ended its side, the server not */              \
    X(TUNNEL_ENDED, "tunnel_ended") /* both have; the server may not have taken all yet */         \
    X(GONE, "gone")                 /* HTTP/1 is spoken no more */

enum front_h1_state {
#define X(name, text) FRONT_H1_##name,
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
    bool sends_body;         /* the client was told to send the body, or does so unasked */
    bool is_pumping;         /* the response is being moved: nested calls have nothing to do */
};

#endif
