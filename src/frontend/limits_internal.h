/* SPDX-License-Identifier: MIT */
/* What a client may cost: every bound of the frontend room, and the clocks of one connection. */
#ifndef FRONTEND_LIMITS_INTERNAL_H
#define FRONTEND_LIMITS_INTERNAL_H

#include "io/deadline.h"
#include "io/stream.h"

/* Seconds for a TLS handshake: a client that has not finished by then has no use for us. */
#define LIMIT_HANDSHAKE 10.0

/* Bytes per second that a client must send of a body that is awaited, and take of a response that
 * waits for it, on the average of a window of client_body_timeout or send_timeout. Below a modem of
 * 1985 (2400 baud) nobody is a user; without it, one byte per timeout holds a connection, and the
 * backend behind it, for days. */
#define LIMIT_RATE 240

/* Bytes of pipelined requests that wait here before reading stops. */
#define LIMIT_INPUT (64 * 1024)

/* Bytes of a head, whatever large_client_header_buffers says; and its number of fields. */
#define LIMIT_HEAD   (1024 * 1024)
#define LIMIT_FIELDS 100

/* Bytes of a body that nobody wants which are read so that the connection can be kept. */
#define LIMIT_DISCARD (64 * 1024)

/* After our end of a connection we read on for a while: closing a socket that holds unread bytes
 * sends a RST, which may destroy the response that the client has not read (RFC 9112 section
 * 9.6). */
#define LIMIT_LINGER 5.0
/* The same however much the client goes on to send: it may be sending a body that was refused, and
 * look for the answer only behind it. Both are nginx's lingering_timeout and lingering_time. */
#define LIMIT_LINGER_TOTAL 30.0
/* For a peer that broke the protocol: time for GOAWAY to arrive, whatever else is queued. */
#define LIMIT_LINGER_BRIEF 1.0

/* Seconds between looks at a client that has ended its side. */
#define LIMIT_PEER_CHECK 0.5

/* Seconds that a stream's response may wait for a window that the client does not open, if
 * send_timeout is not shorter: other than a full connection it costs the client nothing to hold. */
#define LIMIT_STALL 20.0
/* How often, per such timeout, a stream is looked at: a stall is noticed by so much too late. */
#define LIMIT_LOOKS 4
/* Seconds between the two GOAWAY of a graceful end, if the client does not answer the PING. */
#define LIMIT_GOAWAY 1.0
/* Streams whose memory is kept for the next ones. */
#define LIMIT_FREE_STREAMS 256

/* Connections accepted from one listener in one turn: the others, and the connections that are
 * there already, get their turn too. */
#define LIMIT_ACCEPT 16
/* Seconds until accepting is tried again after a shortage that no closed connection ended. */
#define LIMIT_ACCEPT_PAUSE 0.1
/* Descriptors kept back for logs, channels, name sockets and the backends' first steps. */
#define LIMIT_RESERVE 32

/* The clocks of one connection over one timer. Times are loop_now() seconds; 0: not running. */
struct limits {
    struct deadline deadline;
    bool is_excused; /* what is over is not the client's fault, as we did not read (stream_heard) */
    double phase_due; /* handshake, request head, keep-alive, lingering: one at a time */

    double body_until;  /* end of the window */
    double body_last;   /* last read, or when reading went on */
    double body_paused; /* since when we do not want to read */
    double body_timeout;
    uint64_t body_mark; /* stream_bytes_in at the window's start */

    double linger_until; /* whatever still comes */

    double send_until; /* end of the window; runs while bytes are queued */
    double send_timeout;
    uint64_t send_acked; /* what the peer had acknowledged at its start */
    bool send_measured;  /* send_acked is known */

    double cut_due; /* the end, whatever runs */

    double peer_due;    /* next look at a client that has ended its side */
    uint64_t peer_mark; /* stream_bytes_in when the tunnel's clock was started */
};

/* Makes the timer expire at the earliest of the clocks; where that is over and excused, in a
 * moment. One store in the usual case. */
void limits_arm(struct limits *limits, double now);

void limits_body_start(struct limits *limits, double now, double timeout, uint64_t bytes_in);
void limits_body_stop(struct limits *limits);
/* The response has begun, and the client may wait for more of it before it sends more: from now on
 * only the time between two reads counts. */
void limits_body_ease(struct limits *limits);
/* Bytes came. */
void limits_body_read(struct limits *limits, double now);
/* Backpressure: time in which we would not read is not the client's. */
void limits_body_pause(struct limits *limits, double now);
void limits_body_resume(struct limits *limits, double now);
/* Whether the client is too slow; if not, and the window is over, the next one starts. heard: see
 * stream_heard. */
bool limits_body_is_slow(struct limits *limits, double heard, uint64_t bytes_in);

/* Bytes were queued. Nothing when the window runs already. */
void limits_send_start(struct limits *limits, double now, double timeout);
/* The queue is empty. */
void limits_send_stop(struct limits *limits);
/* Whether the client takes too little; if not, and the window is over, the next one starts. */
bool limits_send_is_slow(struct limits *limits, double now, const struct stream *stream);

#endif
