/* SPDX-License-Identifier: MIT */
/* The whole story of one exchange: find its server and location, answer here or attach a backend,
 * retry, and log what became of it. The exchange's mediator. */
#ifndef DISPATCH_DISPATCH_H
#define DISPATCH_DISPATCH_H

#include "backend/backend.h"
#include "exchange/exchange.h"
#include "tenant/tenant.h"

/* Where whole lines of access logs go, their line feed included; none: they are not made. */
struct dispatch_log {
    /* destination: the number by which others know it (struct tenant). Must not block. */
    void (*write)(void *owner, uint32_t destination, struct slice line);
    void *owner;
};

/* Bytes of the longest line, its line feed included. */
#define DISPATCH_LINE_MAX (64 * 1024)

/* What all exchanges of one process have in common. */
struct dispatch_shared;
struct dispatch_shared *dispatch_shared_new(const struct dispatch_log *log);
void dispatch_shared_free(struct dispatch_shared *shared);

/* What a request is judged by besides its head. */
struct dispatch_origin {
    struct dispatch_shared *shared;
    struct tenant *tenant; /* dispatch takes a reference of its own until the exchange closes */
    struct tenant_listener *listener;
    /* The server that the TLS handshake chose; NULL without TLS. It answers no request by itself: a
     * host that no server has is the default server's. It may be of an older tenant: what it asked
     * of the client's certificate counts, but the server that the client named is looked up anew
     * (421). */
    const struct tls_server *handshake;
    bool sent_server_name; /* the client named a server in the handshake */
};

/* The request head is complete in exchange->request. From here on the exchange's calls tell the
 * frontend what happens; the response may be passed before this returns. */
void dispatch_start(struct exchange *exchange, struct backends *backends,
                    const struct dispatch_origin *origin);

/* The request does not come to dispatch_start: its head is wrong, late or cut off, or its client is
 * gone. What is told of it from here on, by dispatch_refuse or at the exchange's end, is told by
 * the server that the origin leads to. */
void dispatch_attend(struct exchange *exchange, struct backends *backends,
                     const struct dispatch_origin *origin);

/* The frontend found the request wrong (its head before dispatch_start, or its body after it), too
 * large or too slow: the backend is aborted and the client gets the error's status, unless the
 * response has started, in which case the response pipe breaks. */
void dispatch_refuse(struct exchange *exchange, enum error error);

/* The settings in force: the location's, once it is found; before dispatch_start NULL. */
const struct config_settings *dispatch_settings(const struct exchange *exchange);

/* Whether a request's body of so many bytes is larger than client_max_body_size allows; one that
 * nobody will read never is. The length that a head announces is judged in dispatch_start; the
 * frontend asks for what comes: bytes passed, with those that must follow. */
bool dispatch_body_is_too_large(const struct exchange *exchange,
                                const struct config_settings *settings, uint64_t bytes);

#endif
