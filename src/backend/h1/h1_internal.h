/* SPDX-License-Identifier: MIT */
/* One HTTP/1.1 connection to a server: what its files share. It serves one exchange after the
 * other, and lies in the pool between them. */
#ifndef BACKEND_H1_INTERNAL_H
#define BACKEND_H1_INTERNAL_H

#include "link_internal.h"

#include "h1/read.h"
#include "io/deadline.h"
#include "io/stream.h"

enum back_h1_state {
    BACK_H1_CONNECTING,
    BACK_H1_ACTIVE, /* an exchange is attached */
    BACK_H1_TUNNEL, /* an exchange is attached, and the bytes are no longer HTTP's */
    BACK_H1_IDLE,   /* in the pool */
    BACK_H1_CLOSED  /* waits for the turn's end */
};

/* The request on its way out. */
enum back_h1_sending {
    SENDING_WAITS,  /* not begun */
    SENDING_BODY,   /* the head is queued */
    SENDING_DONE,   /* everything is queued */
    SENDING_DROPPED /* the server takes no more; it may have answered */
};

/* The response on its way in. */
enum back_h1_receiving { RECEIVING_HEAD, RECEIVING_BODY, RECEIVING_DONE };

struct back_h1 {
    struct backend_connection base;
    struct loop *loop;
    struct backend_link *link;         /* while it is being opened */
    struct stream *stream;             /* NULL before it is open, and once closed */
    struct exchange *exchange;         /* NULL when idle or closed */
    struct backend_attempts *attempts; /* the exchange's */
    enum back_h1_state state;
    enum back_h1_sending sending;
    enum back_h1_receiving receiving;
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
    double asked;      /* loop_now() when the request was begun */
    double touched;    /* the last time that the server was heard, or got something to do */
    struct deadline deadline;
    double read_timeout; /* seconds */
    double send_timeout;

    struct loop_task start; /* begins the exchange after backend_start */
    struct loop_task grave;
};

/* ---- h1/end.c ---- */

void back_h1_set_state(struct back_h1 *connection, enum back_h1_state state);

/* Ends the connection; the exchange must have been left. reason: see backend_close_token. */
void back_h1_close(struct back_h1 *connection, int reason);

/* Leaves the exchange, which wants no more of it, and ends the connection. */
void back_h1_abort(struct back_h1 *connection);

/* Leaves the exchange with an error and ends the connection. */
void back_h1_fail(struct back_h1 *connection, enum error error);

/* Leaves the exchange, whose response is complete, and goes to the pool if it may. */
void back_h1_finish(struct back_h1 *connection);

/* The same for a tunnel, once both halves have ended and everything is with the kernel. */
void back_h1_finish_tunnel(struct back_h1 *connection);

/* ---- h1/request.c ---- */

/* Queues the head and what there is of the body. */
void back_h1_begin(struct back_h1 *connection);

/* Queues what the request pipe has, as far as there is room. */
void back_h1_send(struct back_h1 *connection);

/* ---- h1/response.c ---- */

/* Reads once and passes on what came. */
void back_h1_receive(struct back_h1 *connection);

/* Writing failed: passes on what the server has said before, and ends. */
void back_h1_receive_last(struct back_h1 *connection);

/* ---- h1/deadline.c ---- */

/* The server was heard, or waited for from now on. */
void back_h1_touch(struct back_h1 *connection);

/* Bytes are about to be queued. */
void back_h1_note_queue(struct back_h1 *connection);

void back_h1_on_expired(struct deadline *deadline);

#endif
