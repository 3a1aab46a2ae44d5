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

/* Exactly one of the two comes, never before link_open returns; none after link_close. `connection`
 * is the link's owner. */
struct link_events {
    /* The stream is the connection's from now on: stream_set_owner must be called before this
     * returns, or the stream closed. Whatever is queued leaves at the turn's end. The group wanted
     * HTTP/2 and the server does not agree: protocol is LINK_HTTP_1 (take_over goes on with it). */
    void (*on_open)(struct backend_connection *connection, struct stream *stream,
                    enum link_protocol protocol);
    /* ERROR_CONNECT, ERROR_CONNECT_TIMEOUT, ERROR_SHORTAGE or ERROR_BACKEND_TLS. reason: a sentence
     * for the log, valid within the call; empty when the error says it all. */
    void (*on_failed)(struct backend_connection *connection, enum error error, struct slice reason);
};

/* Connects to the endpoint of the connection, which must outlive the link, and joins it to the
 * endpoint's netns as soon as it has a socket. seconds: for connecting and TLS together
 * (proxy_connect_timeout). NULL: out of descriptors. */
struct backend_link *link_open(struct backend_connection *connection, double seconds,
                               const struct link_events *events);

/* Gives up at once; the connection has not parted from its netns yet. NULL is ignored. */
void link_close(struct backend_link *link);

#endif
