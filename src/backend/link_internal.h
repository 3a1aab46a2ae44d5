/* SPDX-License-Identifier: MIT */
/* Opening a connection to a server: connect(2), then TLS if the group has it, then the choice of
 * protocol. What comes out is a stream that is ready for the first byte of HTTP; what goes wrong on
 * the way is told with its reason. Every protocol opens its connections with it. */
#ifndef BACKEND_LINK_INTERNAL_H
#define BACKEND_LINK_INTERNAL_H

#include "group_internal.h"

#include "io/stream.h"

/* One opening. Allocated by link_open; gone after on_open, on_failed or link_close. */
struct backend_link;

/* What the server speaks. */
enum link_protocol {
    LINK_HTTP_1,
    LINK_HTTP_2 /* by prior knowledge without TLS, by ALPN with it */
};

/* Exactly one of the two comes, never before link_open returns; none after link_close. */
struct link_events {
    /* The stream is the owner's from now on: stream_set_owner must be called before this returns,
     * or the stream closed. Whatever is queued leaves at the turn's end. The group wanted HTTP/2
     * and the server does not agree: protocol is LINK_HTTP_1 (h1_adopt goes on with it). */
    void (*on_open)(void *owner, struct stream *stream, enum link_protocol protocol);
    /* ERROR_CONNECT, ERROR_CONNECT_TIMEOUT or ERROR_BACKEND_TLS. reason: a sentence for the log,
     * valid within the call; empty when the error says it all. */
    void (*on_failed)(void *owner, enum error error, struct slice reason);
};

/* Opens a connection to the endpoint, which must outlive the link. seconds: for connecting and TLS
 * together (proxy_connect_timeout). NULL: out of descriptors. */
struct backend_link *link_open(struct backend_endpoint *endpoint, double seconds,
                               const struct link_events *events, void *owner);

/* Gives up at once. NULL is ignored. */
void link_close(struct backend_link *link);

#endif
