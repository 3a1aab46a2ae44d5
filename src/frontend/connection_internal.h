/* SPDX-License-Identifier: MIT */
/* One client connection, whatever it speaks: its state, its clocks, its end. A protocol sees this
 * file alone; the tenants and listeners that the connection counts for are not its business. */
#ifndef FRONTEND_CONNECTION_INTERNAL_H
#define FRONTEND_CONNECTION_INTERNAL_H

#include "base/close.h"
#include "dispatch/dispatch.h"
#include "h1/side_internal.h"
#include "io/stream.h"
#include "limits_internal.h"
#include "tls/tls.h"

#include <netinet/in.h>
#include <sys/queue.h>

/* X(NAME, name in the log) */
#define CONNECTION_STATES(X)                                                                       \
    X(HANDSHAKE, "handshake") /* TLS */                                                            \
    X(IDLE, "idle")           /* nothing of the next request is here */                            \
    X(ACTIVE, "active")       /* a request or its response is under way */                         \
    X(LINGER, "linger")       /* our side has ended; what comes is dropped */                      \
    X(CLOSED, "closed")       /* the stream is gone, the memory goes at the turn's end */

enum connection_state {
#define X(name, text) CONNECTION_##name,
    CONNECTION_STATES(X)
#undef X
};

struct connection;
struct frontend;
struct frontend_tenant;
struct front_listener;
struct front_stream_pool;
struct front_h2_side;

/* What a connection asks of what it speaks now: the handshake, HTTP/1, HTTP/2, or the lingering at
 * its end. Any but readable and check may be NULL. */
struct protocol {
    /* The stream is open and speaks it from now on; what was read already is in connection->in. */
    void (*start)(struct connection *connection);
    /* As struct stream_events has it. */
    void (*readable)(struct connection *connection);
    /* The stream's queue was full and is below half now, or has become empty. */
    void (*writable)(struct connection *connection);
    /* Writing has failed: it is to be closed, at once (as with NULL) or soon. */
    void (*failed)(struct connection *connection, enum error error);
    /* connection->task was deferred, and the turn ends. */
    void (*task)(struct connection *connection);
    /* Clocks have run out, though not that of sending; may close the connection. */
    void (*check)(struct connection *connection, double now);
    /* As connection_retire; retiring and patience are set. */
    void (*retire)(struct connection *connection);
    /* An orderly close comes next: queues last words. */
    void (*farewell)(struct connection *connection);
    /* It is spoken no more: every exchange that is left ends with the error. */
    void (*end)(struct connection *connection, enum error error);
};

struct connection {
    TAILQ_ENTRY(connection) of_tenant;
    LIST_ENTRY(connection) of_frontend; /* in all or free */
    struct front_listener *listener;
    struct stream *stream;
    const struct protocol *protocol;
    enum connection_state state;
    enum close_reason retiring; /* why its next response says that it is the last; or NONE */
    enum close_reason reason;   /* why it lingers or is closed */
    bool is_counted;            /* in the tally */
    bool is_measured;           /* in its tenant's gauges */
    bool is_listed;             /* in its listener's gauge */
    bool is_spare;              /* in the tenant's idle list */
    bool must_retire;           /* in its task */
    bool is_stale;   /* its server asks clients for another certificate now: it asks no more */
    bool peer_ended; /* the client's FIN or close_notify came */
    double patience; /* seconds that it may wait for its last request; 0: none, if it is retiring */
    uint32_t requests;
    struct chain in;                  /* read, and not taken by the protocol yet */
    struct tenant *tenant;            /* of the handshake; NULL without TLS */
    struct tenant_listener *accepted; /* in it */
    struct limits limits;
    struct loop_task task; /* what goes on at the turn's end; in the end the grave */
    struct front_h1_side h1;
    struct front_h2_side *h2; /* NULL unless it speaks HTTP/2 */
    struct exchange_client client;
    struct tls_peer *peer; /* what client says of its certificate; NULL: none was asked for */
    char peer_text[INET6_ADDRSTRLEN];
    char local_text[INET6_ADDRSTRLEN];
};

/* ---- connection.c ---- */

/* Takes over an accepted socket; handshake_start is next. */
struct connection *connection_new(struct front_listener *listener, int fd,
                                  const struct address *peer);

/* Traces, asserts a legal move, and keeps the tenant's lists. */
void connection_set_state(struct connection *connection, enum connection_state state);

/* It speaks this from now on. */
void connection_speak(struct connection *connection, const struct protocol *protocol);

/* Ends it at once, in the manner that the table has for the reason: the protocol, the stream, the
 * counts. Nothing when it is closed already. */
void connection_close(struct connection *connection, enum close_reason reason);

/* The reason that a failed read or write of the stream is. */
enum close_reason connection_failure(enum error error);

/* Queues bytes for the client, and runs the clock for them. timeout: send_timeout. */
void connection_write(struct connection *connection, struct chain *bytes, double timeout);

/* The one clock of the phase (handshake, request head, keep-alive, ...): the protocol's check comes
 * after so many seconds, unless it is set anew or stopped. */
void connection_set_timeout(struct connection *connection, double seconds);
void connection_stop_timeout(struct connection *connection);

/* Has the protocol's task run at the turn's end. */
void connection_defer(struct connection *connection);

/* The stream's events, handed to the protocol. */
extern const struct stream_events connection_events;

/* At the frontend's end: closes all of them; and gives the memory of all back. */
void connection_close_all(struct frontend *frontend);
void connection_free_all(struct frontend *frontend);

/* ---- counting.c ---- */

void counting_accepted(struct connection *connection);
/* It is brought to its end, for that reason unless there is one already. */
void counting_retiring(struct connection *connection, enum close_reason reason);
void counting_closed(struct connection *connection);
/* Its handshake has succeeded; has failed. */
void counting_shaken(const struct connection *connection);
void counting_unshaken(const struct connection *connection, enum close_reason reason);

/* ---- handshake_limits.c ---- */

/* A connection that was admitted has its handshake behind it, or is closed. */
void handshake_limits_leave(struct connection *connection);

static inline struct loop *connection_loop(const struct connection *connection)
{
    return stream_loop(connection->stream);
}

static inline double connection_now(const struct connection *connection)
{
    return loop_now(connection_loop(connection));
}

/* See stream_heard. */
static inline double connection_heard(const struct connection *connection)
{
    return stream_heard(connection->stream);
}

/* ---- request.c: what a protocol does with a request ---- */

/* The listener's default server's settings; the location's are known once a request is dispatched.
 */
const struct config_settings *connection_default_settings(const struct connection *connection);
const struct config_settings *connection_settings(const struct connection *connection,
                                                  const struct exchange *exchange);

/* The name of its tenant, for the log. */
struct slice connection_tenant_name(const struct connection *connection);

/* Whether a request that comes now is served. */
bool connection_takes_requests(const struct connection *connection);
/* Why its next response must say that it is the last; CLOSE_NONE: it need not. */
enum close_reason connection_must_end(const struct connection *connection);
/* Seconds that it may wait for its next request: those, or its patience. */
double connection_idle_time(const struct connection *connection, double seconds);
/* Why it ends when it has waited for so long. */
enum close_reason connection_idle_end(const struct connection *connection);

/* An exchange for the next request. */
struct exchange *connection_new_exchange(struct connection *connection,
                                         const struct exchange_front *ops, void *front);
/* The exchange's request has a head, be it a wrong one: counts it. */
void connection_count_request(struct connection *connection, struct exchange *exchange);
/* dispatch_start, for the connection's listener and backends. */
void connection_dispatch(struct connection *connection, struct exchange *exchange);

/* dispatch_attend, unless it was dispatched, or its listener is gone. */
void connection_attend(struct connection *connection, struct exchange *exchange);
/* Whether somebody may want a line of a request that is not dispatched. */
bool connection_is_logged(const struct connection *connection);

/* The memory of the worker's free streams. */
struct front_stream_pool *connection_streams(const struct connection *connection);

/* ---- linger.c ---- */

/* Ends our side, and reads on for a while, so that the last bytes reach the client. */
void connection_linger(struct connection *connection, enum close_reason reason);

/* Closes it between two requests: at once, or by lingering while bytes of the last response wait
 * here. */
void connection_leave(struct connection *connection, enum close_reason reason);

/* ---- retire.c ---- */

/* How a connection is brought to its end, and why. */
struct retirement {
    enum close_reason reason;
    /* Seconds in which one that is idle may still send a request, so that none is lost that is on
     * its way; 0: idle connections close now. */
    double patience;
    double limit; /* seconds until it is cut (RST), whatever it does; INFINITY: never */
};

/* Its listener, its tenant or the process is going: ends it after its current exchange. Of what
 * several calls ask for, the sooner counts. From now on it promises no other response; what else
 * is to be done comes with its next task. */
void connection_retire(struct connection *connection, const struct retirement *how);

/* What the task does of it; may close the connection. */
void connection_retire_now(struct connection *connection);

/* ---- verification.c ---- */

/* The handshake is complete: notes what the client has shown. */
void verification_note(struct connection *connection);

/* Whether today's configuration asks of the client what the handshake did. */
bool verification_is_current(const struct connection *connection);

/* A tenant was set: ends the connections for which that is no longer so. */
void verification_retire_changed(struct frontend_tenant *tenant);

/* ---- protocol.c ---- */

/* Begins with what ALPN has agreed on, or, without TLS, with what the first bytes say. */
void protocol_start(struct connection *connection);

/* ---- handshake.c ---- */

/* Begins TLS, where the listener has it, and then the protocol. */
void handshake_start(struct connection *connection);

#endif
