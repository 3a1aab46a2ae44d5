/* SPDX-License-Identifier: MIT */
/* HTTP/2 towards the client: one session per connection, one exchange per stream. */
#ifndef FRONTEND_H2_H2_INTERNAL_H
#define FRONTEND_H2_H2_INTERNAL_H

#include "connection_internal.h"
#include "h2/pool_internal.h"
#include "h2/session.h"

/* How far a stream's request has come. */
enum stream_request {
    STREAM_REQUEST_HEAD,    /* its head is arriving */
    STREAM_REQUEST_BODY,    /* the head is here, more may follow */
    STREAM_REQUEST_DROPPED, /* refused: what comes is not looked at */
    STREAM_REQUEST_ENDED
};

/* How far its response has come. */
enum stream_response {
    STREAM_RESPONSE_AWAITED,
    STREAM_RESPONSE_HEAD, /* its head is here, and leaves at the turn's end */
    STREAM_RESPONSE_BODY, /* the session asks for the body */
    STREAM_RESPONSE_ENDED,
    STREAM_RESPONSE_BROKEN
};

/* One measure of progress: at least LIMIT_RATE in each window of a timeout. */
struct stream_clock {
    double from;   /* start of the window; 0: not running */
    double last;   /* last progress */
    uint64_t mark; /* bytes at the window's start */
};

/* One stream: the front of one exchange. */
struct front_stream {
    TAILQ_ENTRY(front_stream) next; /* of the side's, or free */
    TAILQ_ENTRY(front_stream) due;
    struct connection *connection;
    struct h2_stream *handle;
    struct exchange *exchange;
    const char *accept; /* Sec-WebSocket-Accept that the backend must answer with; NULL: none */
    enum stream_request request;
    enum stream_response response;
    bool is_due;        /* in the side's due list */
    bool is_dispatched; /* its request has been handed on */
    bool sends_body;    /* the client was told to send the body, or does so unasked */
    uint64_t given;     /* body bytes that the client may send again */
    double begun;       /* when its head began to arrive */
    struct stream_clock body;
    struct stream_clock send;
};

enum front_h2_goaway { GOAWAY_NONE, GOAWAY_ANNOUNCED, GOAWAY_FINAL };

/* What a connection has of HTTP/2. */
struct front_h2_side {
    struct h2_session *session;
    struct front_stream_list streams;
    struct front_stream_list due; /* have something to do at the turn's end */
    enum front_h2_goaway goaway;
    enum close_reason last; /* why GOAWAY was sent; CLOSE_NONE: it was not */
    enum close_reason lost; /* why its streams are being ended; CLOSE_NONE: they are not */
    bool wants_look;        /* at the streams' clocks, at the turn's end */
    double first_due;       /* for the first request; the clocks of loop_now(), 0: not running */
    double idle_due;
    double look_due;
    double goaway_due;
    double linger_due; /* of h2_linger */
    struct loop_task grave;
};

/* ---- stream.c ---- */

/* The stream has something to do at the turn's end. */
void front_h2_set_due(struct front_stream *stream);

/* A look at the streams' clocks is due at that time; 0: none is. */
void front_h2_look_at(struct connection *connection, double due);

/* ops: of its exchange, whose front it is. */
struct front_stream *front_stream_new(struct connection *connection, struct h2_stream *handle,
                                      const struct exchange_front *ops);
/* Closes its exchange. The handle must be gone, or go with this. */
void front_stream_end(struct front_stream *stream, enum error error);
/* The same, with RST_STREAM. */
void front_stream_reset(struct front_stream *stream, enum error error, uint32_t code);

/* How far the request and the response have come: told in the debug log, and asserted to be a step
 * that they may take. */
void front_stream_set_request(struct front_stream *stream, enum stream_request request);
void front_stream_set_response(struct front_stream *stream, enum stream_response response);

/* Looks no more at the request, and answers with the error's status. */
void front_stream_refuse(struct front_stream *stream, enum error error);
/* Gives the client back what has left the request's pipe. */
void front_stream_give_back(struct front_stream *stream);

/* ---- clocks.c ---- */

/* Ends the streams whose time is over; after writing, so that what waits, waits for a window. */
void front_h2_look(struct connection *connection);
void front_h2_start_body_clock(struct front_stream *stream);
void front_h2_start_send_clock(struct front_stream *stream);
/* The backend's side of a tunnel has ended: bounds how long the client may be silent. */
void front_h2_start_tunnel_clock(struct front_stream *stream);
/* Makes the connection's timer run for what is next. */
void front_h2_arm(struct connection *connection);

/* ---- goaway.c: graceful ends ---- */

/* Announces the end; once the client must know of it, says which streams were the last. Of several
 * reasons the first counts. */
void front_h2_begin_goaway(struct connection *connection, enum close_reason reason);
void front_h2_finish_goaway(struct connection *connection, enum close_reason reason);
void front_h2_retire(struct connection *connection);

/* ---- response.c ---- */

extern const struct exchange_front front_h2_exchange_front;

/* At the turn's end: the head of a response, or the reset of one that is broken. */
void front_h2_answer(struct front_stream *stream);
/* As h2_events has it. */
enum h2_read front_h2_on_read(void *object, struct chain *to, size_t max,
                              const struct http_fields **trailers);

/* ---- request.c ---- */

extern const struct h2_events front_h2_server_events;

/* Hands a complete head on. */
void front_h2_dispatch(struct front_stream *stream);

/* ---- connection.c: its events ---- */

extern const struct protocol front_h2_protocol;

/* ---- websocket.c (RFC 8441) ---- */

/* Makes an extended CONNECT the GET with Upgrade that HTTP/1.1 has for it. False: it is for
 * another protocol. */
bool front_h2_websocket_request(struct front_stream *stream);
/* Makes the 101 that came what HTTP/2 has for it. False: the backend does not speak WebSocket. */
bool front_h2_websocket_response(struct front_stream *stream);

/* The settings that apply to a stream now. */
static inline const struct config_settings *front_h2_settings(const struct front_stream *stream)
{
    return connection_settings(stream->connection, stream->exchange);
}

#endif
