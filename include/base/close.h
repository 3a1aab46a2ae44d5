/* SPDX-License-Identifier: MIT */
/* Every reason for which a client's connection ends: one table of manner, error, token and text. */
#ifndef BASE_CLOSE_H
#define BASE_CLOSE_H

#include "base/error.h"

/* How the stream is closed when the reason applies at once. */
enum close_manner {
    CLOSE_MANNER_NOW,    /* what is queued is dropped */
    CLOSE_MANNER_RESET,  /* RST: the client must see that something is missing */
    CLOSE_MANNER_ORDERLY /* the protocol's last words and close_notify leave first */
};

/* X(NAME, manner, error of the exchanges that the close cuts off, token, text) */
#define CLOSE_TABLE(X)                                                                             \
    X(CLIENT_CLOSED, ORDERLY, CLIENT_GONE, "client_closed", "the client closed it")                \
    X(CLIENT_GONE, NOW, CLIENT_GONE, "client_gone", "the client left in the middle of a request")  \
    X(CLIENT_RESET, NOW, CLIENT_GONE, "client_reset", "the client reset it")                       \
    X(CLIENT_TRUNCATED, NOW, CLIENT_GONE, "client_truncated",                                      \
      "the client ended it without close_notify")                                                  \
    X(CLIENT_ASKED, ORDERLY, NONE, "client_asked", "the request asked for the close")              \
    X(TLS, NOW, TLS, "tls", "TLS failed")                                                          \
    X(SYSTEM, NOW, SYSTEM, "system", "a system call failed")                                       \
    X(HANDSHAKE, NOW, TLS, "handshake", "the TLS handshake failed")                                \
    X(HANDSHAKE_TIMEOUT, NOW, HANDSHAKE_TIMEOUT, "handshake_timeout",                              \
      "the TLS handshake took too long")                                                           \
    X(CERTIFICATE_REFUSED, ORDERLY, NONE, "certificate_refused",                                   \
      "the client's certificate is missing or was not accepted")                                   \
    X(VERIFICATION_CHANGED, ORDERLY, NONE, "verification_changed",                                 \
      "its server asks for another client certificate now")                                        \
    X(NO_REQUEST, ORDERLY, NONE, "no_request", "no request came in time")                          \
    X(HEADER_TIMEOUT, NOW, CLIENT_GONE, "header_timeout", "a request head took too long")          \
    X(BODY_TIMEOUT, NOW, CLIENT_GONE, "body_timeout", "a request body took too long")              \
    X(KEEPALIVE_TIMEOUT, ORDERLY, NONE, "keepalive_timeout", "it was idle for too long")           \
    X(KEEPALIVE_REQUESTS, ORDERLY, NONE, "keepalive_requests", "it has had all its requests")      \
    X(KEEPALIVE_OFF, ORDERLY, NONE, "keepalive_off", "connections are not kept alive")             \
    X(SEND_TIMEOUT, RESET, SEND_TIMEOUT, "send_timeout", "the client takes no bytes")              \
    X(REQUEST_REFUSED, NOW, NONE, "request_refused", "a request could not be read to its end")     \
    X(REQUEST_UNREAD, NOW, NONE, "request_unread", "the rest of a request was not wanted")         \
    X(RESPONSE_END, NOW, NONE, "response_end", "its end is the response's end")                    \
    X(RESPONSE_BROKEN, RESET, NONE, "response_broken", "the response broke off")                   \
    X(UNANSWERED, NOW, NONE, "unanswered", "no response was possible")                             \
    X(TUNNEL_END, NOW, NONE, "tunnel_end", "the tunnel's server ended it")                         \
    X(TUNNEL_TIMEOUT, NOW, NONE, "tunnel_timeout",                                                 \
      "the client was silent in a tunnel that its server had ended")                               \
    X(HTTP2_ERROR, NOW, CLIENT_GONE, "http2_error", "the client broke HTTP/2")                     \
    X(MAX_CONNECTIONS, ORDERLY, NONE, "max_connections",                                           \
      "it was idle, and another took its place")                                                   \
    X(MAX_MEMORY, ORDERLY, NONE, "max_memory",                                                     \
      "it was idle, and its tenant holds as much memory as it may")                                \
    X(SHORTAGE, ORDERLY, NONE, "shortage", "it was idle, and its descriptor was needed")           \
    X(LISTENER_REMOVED, ORDERLY, NONE, "listener_removed", "its listener was removed")             \
    X(TENANT_REMOVED, ORDERLY, NONE, "tenant_removed", "its tenant was removed")                   \
    X(TENANT_MOVED, ORDERLY, NONE, "tenant_moved", "another worker serves its tenant")             \
    X(CLIENT_HANDSHAKE_RATE, RESET, NONE, "client_handshake_rate",                                 \
      "its address begins handshakes too often")                                                   \
    X(TENANT_HANDSHAKE_RATE, RESET, NONE, "tenant_handshake_rate",                                 \
      "the tenant's clients begin handshakes too often")                                           \
    X(MAX_HANDSHAKES, RESET, NONE, "max_handshakes", "too many handshakes are in progress")        \
    X(DRAINING, ORDERLY, NONE, "draining", "the worker goes down")                                 \
    X(DRAIN_LIMIT, RESET, DRAINING, "drain_limit", "its time to end was over")                     \
    X(SHUTDOWN, NOW, NONE, "shutdown", "the worker has gone down")

enum close_reason {
    CLOSE_NONE, /* it is open */
#define X(name, manner, error, token, text) CLOSE_##name,
    CLOSE_TABLE(X)
#undef X
        CLOSE_REASONS /* how many, CLOSE_NONE included */
};

/* Of the reasons from CLOSE_CLIENT_HANDSHAKE_RATE on: those for which no handshake begins. */
#define CLOSE_HANDSHAKE_LIMITS 3

enum close_manner close_manner(enum close_reason reason);
enum error close_error(enum close_reason reason);

/* One word for logs and labels; constant, "-" for CLOSE_NONE. */
const char *close_token(enum close_reason reason);

/* A sentence about the connection, without full stop; constant. */
const char *close_text(enum close_reason reason);

#endif
