/* SPDX-License-Identifier: MIT */
/* Why connections to servers are closed: an error (base/error.h), or one of these. */
#ifndef BACKEND_CLOSE_INTERNAL_H
#define BACKEND_CLOSE_INTERNAL_H

#include "base/error.h"

/* X(NAME, token): one word for the debug log. */
#define BACKEND_CLOSE_TABLE(X)                                                                     \
    X(KEEPALIVE_TIMEOUT, "keepalive_timeout") /* it was idle for too long */                       \
    X(KEEPALIVE_FULL, "keepalive_full")       /* too many are idle: it was the first of them */    \
    X(UNNEEDED, "unneeded")                   /* fewer were needed of late */                      \
    X(NOT_KEPT, "not_kept")                   /* the response, or the configuration, forbids it */ \
    X(DRAINED, "drained")                     /* it took nothing new; its last exchange is over */ \
    X(ABORTED, "aborted")                     /* nobody wants its exchange's response any more */  \
    X(TUNNEL_END, "tunnel_end")               /* both halves of a tunnel have ended */             \
    X(HTTP1_CHOSEN, "http1_chosen")           /* its stream goes on in HTTP/1.1 */                 \
    X(SERVER_REMOVED, "server_removed")       /* the configuration has no such server any more */  \
    X(NETNS_GONE, "netns_gone")               /* it is in a namespace that is gone */              \
    X(DRAINING, "draining")                   /* this process goes down */                         \
    X(SHORTAGE, "shortage")                   /* its descriptor is needed */                       \
    X(MAX_MEMORY, "max_memory")               /* its tenant holds as much as it may */

enum backend_close {
#define X(name, token) BACKEND_CLOSE_##name,
    BACKEND_CLOSE_TABLE(X)
#undef X
};

/* reason: an enum error, which is negative, or an enum backend_close. Constant text. */
const char *backend_close_token(int reason);

#endif
