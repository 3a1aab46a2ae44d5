/* SPDX-License-Identifier: MIT */
/* One HTTP/1.1 connection to a server: what its files share. It serves one exchange after the
 * other, and lies in the pool between them. */
#ifndef BACKEND_H1_INTERNAL_H
#define BACKEND_H1_INTERNAL_H

#include "link_internal.h"

#include "h1/read.h"
#include "io/deadline.h"
#include "io/stream.h"

enum h1_phase {
    H1_CONNECTING,
    H1_ACTIVE, /* an exchange is attached */
    H1_TUNNEL, /* an exchange is attached, and the bytes are no longer HTTP's */
    H1_IDLE,   /* in the pool */
    H1_CLOSED  /* waits for the turn's end */
};

/* The request on its way out. */
enum h1_sending {
    SENDING_WAITS,  /* not begun */
    SENDING_BODY,   /* the head is queued */
    SENDING_DONE,   /* everything is queued */
    SENDING_DROPPED /* the server takes no more; it may have answered */
};

/* The response on its way in. */
enum h1_receiving { RECEIVING_HEAD, RECEIVING_BODY, RECEIVING_DONE };

struct h1_connection {
    struct backend_connection base;
    struct loop *loop;
    struct backend_link *link; /* while it is being opened */
    struct stream *stream;     /* NULL before it is open, and once closed */
    struct exchange *exchange; /* NULL when idle or closed */
    enum h1_phase phase;
    enum h1_sending sending;
    enum h1_receiving receiving;
    bool is_reused;  /* has served an exchange before this one */
    bool is_in_send; /* taking from the pipe may call back into sending */
    bool is_paused;  /* the response pipe is full */

    struct chain wire;       /* bytes on their way to the stream, empty between calls */
    enum h1_framing framing; /* of the request */
    uint64_t left;           /* H1_LENGTH: bytes of the request body to come */
    uint64_t taken;          /* from the request pipe */

    struct chain in; /* bytes that are not understood yet */
    struct h1_head_reader head;
    struct h1_head_facts facts;
    struct h1_body_reader body;
    uint32_t interim_count;
    size_t interim_bytes;

    uint64_t out_start; /* stream_bytes_out and _in before this exchange */
    uint64_t in_start;
    uint64_t out_seen; /* stream_bytes_out when progress was last looked for */
    double out_at;     /* when it was made */
    double touched;    /* the last time that the server was heard, or got something to do */
    struct deadline deadline;
    double read_timeout; /* seconds */
    double send_timeout;

    struct loop_task start; /* begins the exchange after backend_start */
    struct loop_task grave;
};

/* ---- h1_end.c ---- */

void h1_connection_set_phase(struct h1_connection *connection, enum h1_phase phase);

/* Ends the connection; the exchange must have been left. */
void h1_connection_close(struct h1_connection *connection);

/* Leaves the exchange, which wants no more of it, and ends the connection. */
void h1_connection_abort(struct h1_connection *connection);

/* Leaves the exchange with an error and ends the connection. */
void h1_connection_fail(struct h1_connection *connection, enum error error);

/* Leaves the exchange, whose response is complete, and goes to the pool if it may. */
void h1_connection_finish(struct h1_connection *connection);

/* The same for a tunnel, once both halves have ended and everything is with the kernel. */
void h1_connection_finish_tunnel(struct h1_connection *connection);

/* ---- h1_request.c ---- */

/* Queues the head and what there is of the body. */
void h1_connection_begin(struct h1_connection *connection);

/* Queues what the request pipe has, as far as there is room. */
void h1_connection_send(struct h1_connection *connection);

/* ---- h1_response.c ---- */

/* Reads once and passes on what came. */
void h1_connection_receive(struct h1_connection *connection);

/* Writing failed: passes on what the server has said before, and ends. */
void h1_connection_receive_last(struct h1_connection *connection);

/* ---- h1_deadline.c ---- */

/* The server was heard, or waited for from now on. */
void h1_connection_touch(struct h1_connection *connection);

/* Bytes are about to be queued. */
void h1_connection_note_queue(struct h1_connection *connection);

void h1_connection_on_expired(struct deadline *deadline);

#endif
