/* SPDX-License-Identifier: MIT */
/* One HTTP/2 connection to a server and the exchanges it carries: what its files share. */
#ifndef BACKEND_H2_INTERNAL_H
#define BACKEND_H2_INTERNAL_H

#include "link_internal.h"

#include "h2/session.h"
#include "io/deadline.h"

enum back_h2_state {
    BACK_H2_CONNECTING,
    BACK_H2_GREETING, /* connected; the server's SETTINGS are due */
    BACK_H2_SERVING,
    BACK_H2_PROBING,  /* silent for long: what is new waits until the server is heard */
    BACK_H2_DRAINING, /* takes nothing new; closes after its last exchange */
    BACK_H2_IDLE,     /* in the pool */
    BACK_H2_CLOSED    /* waits for the turn's end */
};

/* A request on its way out. */
enum back_h2_sending { BACK_H2_WAITS, BACK_H2_SENDING, BACK_H2_SENT };

/* A response on its way in. */
enum back_h2_receiving { BACK_H2_HEAD_DUE, BACK_H2_BODY_DUE, BACK_H2_HEARD };

TAILQ_HEAD(back_h2_calls, back_h2_call);

/* One exchange on a connection. It begins without a stream, and may outlive its exchange until the
 * session has told the stream's end. */
struct back_h2_call {
    TAILQ_ENTRY(back_h2_call) next;
    struct back_h2_calls *list; /* of the connection, which it is in */
    struct back_h2 *connection; /* not for the call's grave: it may be gone before */
    struct loop *loop;
    struct exchange *exchange;         /* NULL once it was left */
    struct backend_attempts *attempts; /* the exchange's */
    struct h2_stream *stream;          /* NULL before the request is begun, and once closed */
    enum back_h2_sending sending;
    enum back_h2_receiving receiving;
    enum error error;   /* why on_read broke the stream off */
    bool is_connect;    /* sent as extended CONNECT (RFC 8441) */
    bool is_starved;    /* the session waits for body bytes */
    uint64_t taken;     /* from the request pipe */
    uint64_t consumed;  /* of the response body, given back to the server's windows */
    uint64_t sent_from; /* bytes that had been written to the connection before this request */
    uint32_t interim_count;
    size_t interim_bytes;
    double asked;   /* loop_now() when the request was begun */
    double read_at; /* when the server was last heard of it, or it became the server's turn */
    double sent_at; /* when it last took body bytes, or got some to take */
    struct deadline deadline;
    struct loop_task grave;
};

struct back_h2 {
    struct backend_connection base;
    struct loop *loop;
    struct backend_link *link;  /* while it is being opened */
    struct stream *wire;        /* NULL before it is open, and once closed */
    struct h2_session *session; /* the same */
    enum back_h2_state state;
    bool is_blamed;     /* its end was counted as a failure of the endpoint, or was none */
    bool speaks_http1;  /* what it said first was a status line */
    bool has_served;    /* a response came */
    enum error failing; /* with what its exchanges are being failed; ERROR_NONE: they are not */
    bool is_barren;     /* the server allows no request, and has answered none */
    struct back_h2_calls waiting; /* no stream yet */
    struct back_h2_calls fresh;   /* a stream, of which nothing was written */
    struct back_h2_calls begun;   /* all others */
    uint32_t waiting_count;
    uint32_t attached; /* calls that have an exchange */
    struct chain in, out;
    uint64_t written;         /* bytes given to the wire */
    double heard;             /* when bytes last came */
    double patience;          /* seconds in which it must answer a PING */
    double probed;            /* when it was asked */
    struct deadline deadline; /* of a PING, of resting */
    struct loop_task turn;    /* writes what is ready, and sees what became of the connection */
    struct loop_task grave;
};

/* ---- h2/state.c ---- */

void back_h2_set_state(struct back_h2 *connection, enum back_h2_state state);

/* Has the turn's end look after it. */
void back_h2_wake(struct back_h2 *connection);

/* Asks for a sign of life; without one in time the connection ends. */
void back_h2_probe(struct back_h2 *connection);

/* Takes nothing new from now on. */
void back_h2_drain(struct back_h2 *connection);

/* ---- h2/end.c ---- */

/* Writes what the session has, as far as there is room. */
void back_h2_write(struct back_h2 *connection);

/* Ends it, with what is ready to be written; no exchange may be left. Not inside an event of its
 * session, as all that end it. reason: see backend_close_token. */
void back_h2_close(struct back_h2 *connection, int reason);

/* The same with GOAWAY as the last word (RFC 9113 section 6.8). */
void back_h2_end(struct back_h2 *connection, int reason);

/* Fails all exchanges with the error and ends the connection; what there is no time for now is for
 * its next turns. */
void back_h2_fail(struct back_h2 *connection, enum error error);
/* Goes on with that. */
void back_h2_fail_some(struct back_h2 *connection);

/* ---- h2/connection.c ---- */

/* One that connects, with a reference to the endpoint; link is the caller's to open. */
struct back_h2 *back_h2_new(struct backend_endpoint *endpoint, struct loop *loop);

/* ---- h2/capacity.c ---- */

/* Keeps it on the list of those that take more exchanges, or off it. */
void back_h2_share(struct back_h2 *connection);

/* The server is heard: what waits begins, and what it does not take goes elsewhere. */
void back_h2_start_waiting(struct back_h2 *connection);

/* Who waits where the server allows no request has its own deadline. */
void back_h2_hold_waiting(struct back_h2 *connection);

/* The server has said that it takes nothing more. */
void back_h2_refuse_waiting(struct back_h2 *connection);

/* Sends an exchange that waits to another connection, or to a new one. */
void back_h2_call_send_elsewhere(struct back_h2_call *call);

/* ---- h2/read.c ---- */

/* Hands the session what was read, as long as there is time; the rest at its next turn. */
void back_h2_understand(struct back_h2 *connection);

extern const struct stream_events back_h2_stream_events;

/* ---- h2/call.c ---- */

/* A new call that waits, attached to the exchange. */
struct back_h2_call *back_h2_call_new(struct back_h2 *connection, struct exchange *exchange,
                                      struct backend_attempts *attempts);

/* Opens its stream. Returns false when the session takes no more. */
bool back_h2_call_begin(struct back_h2_call *call);

/* Puts it into another list of its connection. */
void back_h2_call_move(struct back_h2_call *call, struct back_h2_calls *to);

/* Tells the exchange, which is about to leave, what the stream has sent and received. */
void back_h2_call_note(const struct back_h2_call *call);

/* The exchange leaves for another connection; only before the request is begun. */
void back_h2_call_part(struct back_h2_call *call);

/* The exchange leaves, for all is done. */
void back_h2_call_release(struct back_h2_call *call);

/* Leaves the exchange with an error; the stream, if there is one, is reset. */
void back_h2_call_fail(struct back_h2_call *call, enum error error, bool untouched);

/* Gives it back once it has neither exchange nor stream. */
void back_h2_call_settle(struct back_h2_call *call);

/* Whether nothing of the request has left this host. */
bool back_h2_call_is_untouched(const struct back_h2_call *call);

/* Opens the windows by what has left the response pipe. */
void back_h2_call_give_back(struct back_h2_call *call);

/* Frees those that nobody uses. */
void back_h2_calls_free(struct back_h2_calls *calls);

/* ---- h2/request.c ---- */

enum h2_read back_h2_call_on_read(void *object, struct chain *to, size_t max,
                                  const struct http_fields **trailers);

/* ---- h2/response.c ---- */

void back_h2_call_on_response(void *object, bool ends);
void back_h2_call_on_data(void *object, struct chain *bytes);
void back_h2_call_on_end(void *object);
void back_h2_call_on_closed(void *object, const struct h2_closing *closing);

/* ---- h2/websocket.c ---- */

/* Adds to a response that opened a tunnel what a WebSocket client of HTTP/1.1 checks. */
void back_h2_call_accept_websocket(const struct back_h2_call *call);

/* ---- h2/deadline.c ---- */

/* Seconds until the server is late, and with what, if it is not with reading. */
double back_h2_call_time_left(const struct back_h2_call *call, enum error *error);

/* Seconds for which the call waits on a connection that allows no request; 0: no longer. */
double back_h2_call_wait_left(const struct back_h2_call *call);

/* The longest time that the call's deadline may sleep. */
double back_h2_call_patience(const struct back_h2_call *call);

#endif
