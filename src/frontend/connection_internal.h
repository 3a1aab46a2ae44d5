/* SPDX-License-Identifier: MIT */
/* One client connection, whatever it speaks: its state, its clocks, its place in its tenant. */
#ifndef FRONTEND_CONNECTION_INTERNAL_H
#define FRONTEND_CONNECTION_INTERNAL_H

#include "dispatch/dispatch.h"
#include "frontend_internal.h"
#include "h1/read.h"
#include "h1/write.h"
#include "limits_internal.h"

enum connection_state {
    CONNECTION_HANDSHAKE, /* TLS */
    CONNECTION_IDLE,      /* no byte of the next request is here */
    CONNECTION_HEAD,      /* a request head is incomplete, or waits for room to answer it */
    CONNECTION_EXCHANGE,
    CONNECTION_TUNNEL, /* an exchange of raw bytes */
    CONNECTION_LINGER, /* our side has ended; what comes is dropped */
    CONNECTION_CLOSED  /* the stream is gone, the memory goes at the turn's end */
};

/* How far the current request has been read. */
enum request_progress {
    REQUEST_READING,
    REQUEST_BLOCKED,   /* the exchange has no room */
    REQUEST_DONE,      /* complete; what comes now is the next one */
    REQUEST_ABANDONED, /* refused in the middle; what comes is dropped */
};

/* How far its response has been queued. */
enum response_progress { RESPONSE_AWAITED, RESPONSE_STARTED, RESPONSE_DONE, RESPONSE_BROKEN };

/* What HTTP/1 needs besides. */
struct front_h1_side {
    struct chain in;
    struct exchange *exchange; /* NULL between requests */
    struct h1_head_reader head;
    struct h1_body_reader body;
    enum request_progress request;
    enum response_progress response;
    enum h1_framing framing; /* of the response */
    bool keep_alive;         /* after the current response */
    bool is_pumping;         /* the response is being moved: nested calls have nothing to do */
    bool is_reading;         /* the stream is not paused */
    bool sends_body;         /* the client was told to send the body, or does so unasked */
    bool peer_ended;         /* the client's FIN or close_notify came */
    bool peer_asked;         /* and we asked whether it still listens */
};

struct protocol;
struct front_h2_side;

struct connection {
    TAILQ_ENTRY(connection) of_tenant;
    LIST_ENTRY(connection) of_frontend; /* in all or free */
    struct front_listener *listener;
    struct stream *stream;
    const struct protocol *protocol; /* NULL before the handshake is complete */
    enum connection_state state;
    bool is_counted; /* in the tally */
    bool is_spare;   /* in the tenant's idle list */
    bool is_last;    /* its next response says that it is the last */
    bool is_stale;   /* its server asks clients for another certificate now: it asks no more */
    double patience; /* seconds that it may wait for the request of that; 0: none, is_last is set */
    uint32_t requests;
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

/* Takes over an accepted socket. */
void connection_new(struct front_listener *listener, int fd, const struct address *peer);

/* Traces, asserts a legal move, and keeps the tenant's lists. */
void connection_set_state(struct connection *connection, enum connection_state state);

/* Its queue has become empty: it may be one now that can be closed to make room. */
void connection_note_drained(struct connection *connection);

enum connection_close { CLOSE_NOW, CLOSE_RESET, CLOSE_ORDERLY };

/* What a protocol does with its connection; each is told of what concerns it alone. */
struct protocol {
    /* The stream is open and speaks it from now on. */
    void (*start)(struct connection *connection);
    /* As struct stream_events has them. */
    void (*readable)(struct connection *connection);
    void (*drained)(struct connection *connection);
    /* connection->task was deferred, and the turn ends. */
    void (*task)(struct connection *connection);
    /* Clocks have run out, though not that of sending; may close the connection. */
    void (*check)(struct connection *connection, double now);
    /* As connection_retire; is_last and patience are set. */
    void (*retire)(struct connection *connection);
    /* The stream closes next: last words, if it is ORDERLY; and the end of every exchange. */
    void (*close)(struct connection *connection, enum connection_close how, enum error error);
};

/* Ends it at once: the exchange, the stream, the counts. ORDERLY: with close_notify; for one whose
 * queue is empty, see front_h1_leave. error: why, for the exchange's log. */
void connection_close(struct connection *connection, enum connection_close how, enum error error);

/* Ends it because its handshake did not succeed, and tells the log. */
void connection_fail_handshake(struct connection *connection, enum error error);

/* The listener's default server's; and what applies now: the location's once it is known. */
const struct config_settings *connection_default_settings(const struct connection *connection);
const struct config_settings *connection_settings(const struct connection *connection);

/* Queues bytes for the client, and runs the clock for them. */
void connection_write(struct connection *connection, struct chain *bytes);

/* At the frontend's end: closes all of them; and gives the memory of all back. */
void connection_close_all(struct frontend *frontend);
void connection_free_all(struct frontend *frontend);

/* The stream's events, handed to the protocol. */
extern const struct stream_events connection_events;

static inline struct frontend *connection_frontend(const struct connection *connection)
{
    return listener_frontend(connection->listener);
}

static inline double connection_now(const struct connection *connection)
{
    return loop_now(connection_frontend(connection)->config.loop);
}

/* ---- retire.c ---- */

/* How a connection is brought to its end. */
struct retirement {
    /* Seconds in which one that is idle may still send a request, so that none is lost that is on
     * its way; 0: idle connections close now. */
    double patience;
    double limit; /* seconds until it is cut (RST), whatever it does; INFINITY: never */
};

/* Its listener, its tenant or the process is going: ends it after its current exchange. Of what
 * several calls ask for, the sooner counts. */
void connection_retire(struct connection *connection, const struct retirement *how);

/* Whether its next response must say that it is the last. */
bool connection_must_end(const struct connection *connection);
/* Whether a request that comes now is served. */
bool connection_takes_requests(const struct connection *connection);
/* Whether none may follow, even where the last response did not say so. */
bool connection_must_leave(const struct connection *connection);

/* Seconds that it may wait for its next request: those, or its patience. */
double connection_idle_time(const struct connection *connection, double seconds);

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

/* ---- h2/connection.c ---- */

extern const struct protocol protocol_h2;

/* Gives back what the connection had of HTTP/2. */
void front_h2_side_free(struct connection *connection);
/* At the frontend's end. */
void front_streams_free(struct frontend *frontend);

/* ---- h1/connection.c: its events ---- */

extern const struct protocol protocol_h1;

/* Goes on with what waits in `in`. */
void front_h1_advance(struct connection *connection);

/* Reads from the stream only what may be held. */
void front_h1_update_reading(struct connection *connection);

/* ---- h1/request.c: reading ---- */

void front_h1_read_head(struct connection *connection);
/* The rest of the head is awaited; the clock begins with its first byte. */
void front_h1_await_head(struct connection *connection);
void front_h1_read_request_body(struct connection *connection);
void front_h1_read_tunnel(struct connection *connection);

/* Reads no more of the request, and answers with the error's status. */
void front_h1_refuse(struct connection *connection, enum error error);

/* ---- h1/response.c: writing ---- */

extern const struct exchange_front front_h1_exchange_front;

/* Moves what the response has to the stream, as far as there is room. */
void front_h1_pump(struct connection *connection);

/* Sends `100 Continue` of our own, which a client that is gone answers with RST. */
void front_h1_write_continue(struct connection *connection);

/* ---- h1/end.c: how exchanges and connections end ---- */

/* Both sides of the exchange have done what they will: the next request, or the end. */
void front_h1_finish(struct connection *connection);

/* Whether what is left of the request can be read and dropped, so that the connection can go on. */
bool front_h1_can_discard(const struct connection *connection);

/* Ends our side, and reads on for a while. */
void front_h1_linger(struct connection *connection);
/* The same for a peer that broke the protocol: a second, whatever it does. */
void front_h1_linger_briefly(struct connection *connection);
/* While lingering: our last bytes are on their way, and the clock of sending is what counts. */
bool front_h1_still_leaves(const struct connection *connection);

/* Closes a connection between two requests in order. What of the last response the kernel did not
 * take yet leaves first. */
void front_h1_leave(struct connection *connection, enum error error);

/* While lingering: bytes came, or our last ones have left. */
void front_h1_linger_on(struct connection *connection);

/* The backend of a tunnel has ended its side, and the clock for the client ran out: whether it was
 * silent. */
void front_h1_check_tunnel(struct connection *connection);

/* Passes the client's end on through a tunnel, once all that came before it is in there. */
void front_h1_pass_end(struct connection *connection);

/* The clock of the request's body ran out. */
void front_h1_body_expired(struct connection *connection);

/* The stream's end or an error was read. */
void front_h1_peer_ended(struct connection *connection, enum error error);

/* Time to look whether a client that has ended its side still listens. */
void front_h1_check_peer(struct connection *connection);

#endif
