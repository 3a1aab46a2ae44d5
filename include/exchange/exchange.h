/* SPDX-License-Identifier: MIT */
/* The exchange: one request and its response on their way between a frontend and a backend that
 * know nothing of each other, under the eye of a mediator (dispatch).
 *
 *     frontend --request, body----> [mediator] --> backend
 *     frontend <--response, body--- [mediator] <-- backend
 *
 * Lifetime rules
 *  1. The frontend makes the exchange, and ends it with exchange_close exactly once, whatever has
 *     happened; nobody else does. The memory goes back at the turn's end.
 *  2. A backend end is attached by the mediator and leaves by exchange_detach, or is told
 *     on_abort, after which it has left. After either, it must not touch the exchange.
 *  3. Everything in request, forward and response lives in the exchange's arena.
 *  4. Calls may nest (a push may lead to the other end's pull in the same call). No end frees
 *     itself inside a callback: it closes streams and buries itself through the loop.
 *  5. What a backend took of the request's body is kept, within bounds, until the response is
 * passed on: another attempt can begin with it (exchange_keep_request, exchange_rewind_request).
 *  6. Bytes are never dropped silently: a pipe that does not reach PIPE_ENDED is PIPE_BROKEN, and
 *     whoever reads it tells its peer (connection closed before the last chunk, RST_STREAM).
 */
#ifndef EXCHANGE_EXCHANGE_H
#define EXCHANGE_EXCHANGE_H

#include "base/close.h"
#include "http/message.h"
#include "io/loop.h"
#include "metrics/cells.h"

/* Bytes a pipe holds before its writer must wait. */
#define EXCHANGE_PIPE_LIMIT (64 * 1024)

struct exchange;

enum pipe_state {
    PIPE_OPEN,
    PIPE_ENDED, /* all bytes are in, and the trailers */
    PIPE_BROKEN /* its writer failed: what is missing will not come */
};

/* One direction of body bytes. */
struct exchange_pipe {
    struct chain bytes;          /* pushed and not yet taken */
    struct http_fields trailers; /* complete when PIPE_ENDED */
    enum pipe_state state;
    bool discards;   /* nobody will read: bytes are counted and dropped */
    bool is_waiting; /* the writer was told to wait and wants on_room */
    uint64_t passed; /* bytes pushed since the start */
};

/* What the frontend is told. `front` is the object it gave to exchange_new. */
struct exchange_front {
    /* exchange->response is complete: interim (1xx but 101: more will follow) or final. It must be
     * sent before this returns: an interim response's fields are forgotten then. */
    void (*on_response)(void *front, struct exchange *exchange);
    /* The response pipe has bytes, its end, or is broken. */
    void (*on_body)(void *front, struct exchange *exchange);
    /* The request pipe has room again; in a tunnel also that the backend has left, so that nobody
     * takes what comes. */
    void (*on_room)(void *front, struct exchange *exchange);
};

/* What the backend is told. `back` is the object it gave to exchange_attach. */
struct exchange_back {
    /* The request pipe has bytes, its end, or is broken. */
    void (*on_body)(void *back, struct exchange *exchange);
    /* The response pipe has room again. */
    void (*on_room)(void *back, struct exchange *exchange);
    /* The exchange goes on without this end (the client left, a timeout): forget it now. */
    void (*on_abort)(void *back, struct exchange *exchange);
};

/* What the mediator is told; it is the only one that knows both ends' doings. */
struct exchange_mediator {
    /* The backend filled exchange->response. The mediator may change it (hide, add fields), take
     * it away to retry elsewhere, or pass it on with exchange_pass_response. */
    void (*on_response)(void *mediator, struct exchange *exchange);
    /* The backend failed and has left. untouched: nothing of the request has left this host, or the
     * server says that it has processed nothing of it, so that any method may be tried again. When
     * exchange->response_started, there is nothing to be done but to log: the response pipe breaks
     * right after. */
    void (*on_back_failed)(void *mediator, struct exchange *exchange, enum error error,
                           bool untouched);
    /* The frontend closes: log, give references back. The last call. */
    void (*on_close)(void *mediator, struct exchange *exchange);
    /* The request's body has ended, and its trailers are there, which the mediator may change.
     * NULL: nothing to do. */
    void (*on_request_ended)(void *mediator, struct exchange *exchange);
};

/* What the frontend knows of the connection the request came by; it outlives the exchange. */
struct exchange_client {
    struct slice peer_host; /* "192.0.2.1" */
    uint16_t peer_port;
    struct slice local_host;
    uint16_t local_port;
    bool is_tls;
    struct slice tls_protocol; /* empty without TLS */
    struct slice tls_cipher;
    struct slice tls_server_name;
    bool tls_reused;
    struct slice tls_client_verify;  /* "NONE", "SUCCESS" or "FAILED:" and why; empty without TLS */
    struct slice tls_client_subject; /* what its certificate says (RFC 2253); empty without one */
    struct slice tls_client_issuer;
    struct slice tls_client_serial;
    struct slice tls_client_fingerprint;
    enum error tls_client_error; /* NO_CERTIFICATE or BAD_CERTIFICATE: its requests are refused */
    uint64_t connection;         /* serial number in this worker */
    struct slice tls_alpn;       /* what both have agreed on; empty: nothing */
    struct slice tls_curve;      /* of the key exchange; empty without TLS */
    double accepted;             /* loop_now() when it was accepted */
    double tls_seconds;          /* of the handshake; negative: none was completed */
    enum close_reason closed;    /* why it ends, once it does */
    bool is_http2;
    struct metrics_cells *const *figures; /* where its tenant's are now; NULL: nobody counts */
};

/* What the last attempt has come to, as its backend end tells it when it leaves. */
struct exchange_attempt {
    double connected; /* loop_now() when the request was begun on a connection; 0: never */
    double ended;     /* ... when that end left; 0: it has not */
    uint64_t sent;    /* bytes of head and body */
    uint64_t received;
};

/* What the exchanges of one owner (a tenant) may keep of their requests' bodies, together. */
struct exchange_allowance {
    size_t held; /* bytes of memory */
    size_t most;
};

struct exchange_pace; /* how fast a response may be */

struct exchange {
    struct arena arena;
    struct loop *loop;
    struct exchange_pool *pool;
    const struct exchange_client *client;
    uint32_t connection_requests; /* how many requests this connection has had, this one too */

    struct http_request request;   /* as the client sent it */
    struct http_request forward;   /* as the backend gets it; made by the mediator */
    struct http_response response; /* as the client gets it */
    struct exchange_pipe request_body;
    struct exchange_pipe response_body;
    struct exchange_pace *pace;           /* of the response's body; NULL: as fast as it can */
    struct chain kept;                    /* what was taken of request_body since it was rewound */
    size_t kept_held;                     /* of the allowance */
    struct exchange_allowance *allowance; /* NULL: nothing is kept (any more) */

    bool is_tunnel;        /* after 101 (or a CONNECT that succeeded): pipes are raw bytes */
    bool response_started; /* the final response was passed to the frontend */
    bool is_closed;
    enum error error;        /* why it went wrong, for the log; ERROR_NONE */
    uint32_t reset_code;     /* RFC 9113 section 7: what the client is to be told of a response that
                                the backend broke off; 0: INTERNAL_ERROR */
    struct slice reason;     /* more about the last attempt's failure, for the log; may be empty */
    double started;          /* loop_now() when its first byte was read */
    double response_at;      /* loop_now() when the backend's response head came; 0 */
    uint64_t request_bytes;  /* head and body, as they came */
    uint64_t response_bytes; /* head and body, as they left; kept by the frontend */
    uint64_t response_body_bytes;
    struct exchange_attempt attempt;
    bool is_pipelined; /* it was there before the response to the one before it had left */
    bool is_last;      /* HTTP/1: the response says that the connection ends with it */

    const struct exchange_front *front_ops;
    void *front;
    const struct exchange_back *back_ops;
    void *back; /* NULL while no backend is attached */
    const struct exchange_mediator *mediator_ops;
    void *mediator;

    struct loop_task grave;
    SLIST_ENTRY(exchange) free_next;
};

/* Free exchanges of one process: a steady flow allocates none. */
struct exchange_pool {
    SLIST_HEAD(, exchange) free;
    unsigned free_count;
    unsigned free_least; /* that were free at any time since the last trim */
    unsigned in_use;
    struct loop *loop;
};

void exchange_pool_init(struct exchange_pool *pool, struct loop *loop);
void exchange_pool_free(struct exchange_pool *pool);
/* Frees those that nobody has needed since the last call. */
void exchange_pool_trim(struct exchange_pool *pool);

/* A new exchange for a frontend that is about to fill request from arena memory. client must
 * outlive it. */
struct exchange *exchange_new(struct exchange_pool *pool, const struct exchange_front *ops,
                              void *front, const struct exchange_client *client);

/* ---- both ends: pipes ---- */

/* Moves bytes into a pipe and tells its reader. Returns whether there is room for more; false: wait
 * for on_room. More than the limit is taken all the same: the writer reads in bounded pieces. */
bool exchange_push_request(struct exchange *exchange, struct chain *bytes);
bool exchange_push_response(struct exchange *exchange, struct chain *bytes);

/* The writer's end: ENDED, trailers being filled in already, or BROKEN. Tells the reader. */
void exchange_end_request(struct exchange *exchange, enum pipe_state state);
void exchange_end_response(struct exchange *exchange, enum pipe_state state);

/* Moves up to limit bytes out of a pipe to `into`; tells a waiting writer once less than half
 * is left. Returns how many. */
size_t exchange_take_request(struct exchange *exchange, struct chain *into, size_t limit);
size_t exchange_take_response(struct exchange *exchange, struct chain *into, size_t limit);

/* The response's body goes to the frontend at that many bytes a second, but for the first `after`,
 * and for those of the first second, which go at once (nginx's limit_rate). rate 0: as fast as it
 * can. Before the response is passed. */
void exchange_pace_response(struct exchange *exchange, uint64_t rate, uint64_t after);
/* Whether nothing is to be had of it at the moment for that reason alone; on_body follows. */
bool exchange_is_paced(const struct exchange *exchange);

/* Everything taken and nothing more to come. */
static inline bool exchange_pipe_is_done(const struct exchange_pipe *pipe)
{
    return pipe->state == PIPE_ENDED && pipe->bytes.len == 0;
}
static inline bool exchange_pipe_has_room(const struct exchange_pipe *pipe)
{
    return pipe->discards || pipe->bytes.len < EXCHANGE_PIPE_LIMIT;
}

/* The frontend has switched protocols after a request that had ended: what the client sends from
 * now on goes into the same pipe. */
void exchange_reopen_request(struct exchange *exchange);

/* For a backend that is about to send the head: a request of HTTP/2 that came without a length, and
 * has ended by now without trailers, gets the length that it has. (The chunks of HTTP/1 go on as
 * chunks.) */
void exchange_settle_length(struct exchange *exchange);

/* Whether another attempt can send the request's body from its beginning. */
bool exchange_request_is_whole(const struct exchange *exchange);

/* Nobody will read the request body (a local reply, a backend that answered early). */
void exchange_discard_request(struct exchange *exchange);

/* ---- the frontend ---- */

/* Done with it, or the client is gone: the backend is told on_abort if it is still attached, the
 * mediator on_close, and the exchange goes at the turn's end. */
void exchange_close(struct exchange *exchange);

/* ---- the mediator ---- */

void exchange_set_mediator(struct exchange *exchange, const struct exchange_mediator *ops,
                           void *mediator);

/* From now on, what is taken of the request's body is kept for another attempt, up to
 * EXCHANGE_PIPE_LIMIT bytes and what the allowance has left: a body that is longer, or for which
 * nothing is left, is not kept at all. Ends when the final response, or a tunnel's, is passed.
 * allowance must outlive the exchange's end. */
void exchange_keep_request(struct exchange *exchange, struct exchange_allowance *allowance);

/* Puts what was kept back into the request's pipe, in front of what waits there: the next backend
 * begins with it. That may fill the pipe; the frontend is then told of room as after a push. No
 * backend may be attached. */
void exchange_rewind_request(struct exchange *exchange);

/* A backend end takes part from now on. It reads exchange->forward and the request pipe. */
void exchange_attach(struct exchange *exchange, const struct exchange_back *ops, void *back);

/* Tells the attached end on_abort and forgets it, e.g. to try another. */
void exchange_abort_back(struct exchange *exchange);

/* Hands exchange->response to the frontend. */
void exchange_pass_response(struct exchange *exchange);

/* ---- the backend ---- */

/* exchange->response is filled (interim or final). */
void exchange_respond(struct exchange *exchange);

/* The request is begun on a connection, or anew on another one. */
static inline void exchange_begin_attempt(struct exchange *exchange)
{
    exchange->attempt = (struct exchange_attempt){.connected = loop_now(exchange->loop)};
}

/* This end is about to leave, and has sent and received that much. */
static inline void exchange_end_attempt(struct exchange *exchange, uint64_t sent, uint64_t received)
{
    exchange->attempt.ended = loop_now(exchange->loop);
    exchange->attempt.sent = sent;
    exchange->attempt.received = received;
}

/* This end has done everything (response complete) and leaves. */
void exchange_detach(struct exchange *exchange);

/* This end cannot go on and leaves; when the final response was passed already, its pipe breaks. */
void exchange_fail_back(struct exchange *exchange, enum error error, bool untouched);

#endif
