/* SPDX-License-Identifier: MIT */
/* Every way in which something fails here: one table of text, HTTP status and log token. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

/* X(NAME, HTTP status that tells a client, log token, text)
 * Status 0: no answer is possible or none is due. */
#define ERROR_TABLE(X)                                                                             \
    X(END, 0, "end", "the peer ended the stream")                                                  \
    X(RESET, 0, "reset", "the peer reset the connection")                                          \
    X(TRUNCATED, 0, "truncated", "the stream ended before its end was marked")                     \
    X(SYSTEM, 500, "system", "a system call failed")                                               \
    X(TLS, 0, "tls", "TLS failed")                                                                 \
    X(HANDSHAKE_TIMEOUT, 0, "handshake_timeout", "the TLS handshake took too long")                \
    X(REQUEST_LINE, 400, "request_line", "malformed request line")                                 \
    X(FIELD, 400, "field", "malformed header field")                                               \
    X(TARGET, 400, "target", "malformed request target")                                           \
    X(HOST, 400, "host", "missing, repeated or malformed Host")                                    \
    X(LENGTH, 400, "length", "malformed or ambiguous message length")                              \
    X(CHUNK, 400, "chunk", "malformed chunked body")                                               \
    X(HEADER_TIMEOUT, 408, "header_timeout", "the request head took too long")                     \
    X(BODY_TIMEOUT, 408, "body_timeout", "the request body took too long")                         \
    X(BODY_TOO_LARGE, 413, "body_too_large", "the request body is too large")                      \
    X(TARGET_TOO_LONG, 414, "target_too_long", "the request target is too long")                   \
    X(HELD, 0, "held", "the connection's streams held too much that no backend takes")             \
    X(MISDIRECTED, 421, "misdirected", "the request is for another server than the connection")    \
    X(HEAD_TOO_LARGE, 431, "head_too_large", "the header fields are too large")                    \
    X(NO_CERTIFICATE, 400, "no_certificate", "the client sent no required certificate")            \
    X(BAD_CERTIFICATE, 400, "bad_certificate", "the client's certificate was not accepted")        \
    X(NOT_FOUND, 404, "not_found", "no location matches")                                          \
    X(METHOD, 501, "method", "the method is not supported")                                        \
    X(CODING, 501, "coding", "the transfer coding is not supported")                               \
    X(HTTP_VERSION, 505, "http_version", "the HTTP version is not supported")                      \
    X(CLIENT_GONE, 0, "client_gone", "the client went away")                                       \
    X(SEND_TIMEOUT, 0, "send_timeout", "the client takes no bytes")                                \
    X(CONNECT, 502, "connect", "cannot connect to the backend")                                    \
    X(CONNECT_TIMEOUT, 504, "connect_timeout", "connecting to the backend took too long")          \
    X(BACKEND_TLS, 502, "backend_tls", "the TLS handshake with the backend failed")                \
    X(BACKEND_CLOSED, 502, "backend_closed", "the backend closed the connection")                  \
    X(BACKEND_RESET, 502, "backend_reset", "the backend reset the connection")                     \
    X(BACKEND_TRUNCATED, 502, "backend_truncated", "the backend's response is cut short")          \
    X(REFUSED, 502, "refused", "the backend refused the request unprocessed")                      \
    X(RETIRED, 502, "retired", "the backend had retired the connection")                           \
    X(HTTP1_REQUIRED, 502, "http1_required", "the backend demands HTTP/1.1")                       \
    X(BACKEND_FULL, 503, "backend_full", "the backend takes no more requests now")                 \
    X(RESPONSE, 502, "response", "the backend's response is malformed")                            \
    X(RESPONSE_TOO_LARGE, 502, "response_too_large", "the backend's response head is too large")   \
    X(READ_TIMEOUT, 504, "read_timeout", "the backend did not answer in time")                     \
    X(WRITE_TIMEOUT, 504, "write_timeout", "the backend takes no bytes")                           \
    X(NO_ENDPOINT, 502, "no_endpoint", "no live server in the upstream")                           \
    X(QUEUE_FULL, 502, "queue_full", "the upstream's queue is full")                               \
    X(QUEUE_TIMEOUT, 502, "queue_timeout", "no server of the upstream had room in time")           \
    X(SHORTAGE, 503, "shortage", "this host lacks what another connection needs")                  \
    X(DESCRIPTORS, 503, "descriptors", "out of file descriptors")                                  \
    X(DRAINING, 503, "draining", "the process is going down")                                      \
    X(IPC, 0, "ipc", "malformed message between processes")                                        \
    X(CONFIG, 0, "config", "the configuration has errors")                                         \
    X(CERTIFICATE, 0, "certificate", "the certificate or its key cannot be used")                  \
    X(NETNS, 0, "netns", "the network namespace cannot be entered")

/* Functions return 0 or one of these, which are negative. */
enum error {
    ERROR_NONE = 0,
    ERROR_FIRST_ = -1000, /* so that -1 is never mistaken for one of these */
#define X(name, status, token, text) ERROR_##name,
    ERROR_TABLE(X)
#undef X
        ERROR_LAST_
};

/* A sentence without full stop; constant. */
const char *error_text(enum error error);

/* One word for logs; constant, "-" for ERROR_NONE. */
const char *error_token(enum error error);

/* The HTTP status (RFC 9110 section 15) that tells a client; 0 when none does. */
int error_status(enum error error);

/* What an errno means: strerror(3) without its buffer, untranslated; constant. */
const char *error_reason(int number);

/* Whether that errno says that this host has run out of descriptors or memory: it may pass. */
bool error_is_shortage(int number);

#endif
