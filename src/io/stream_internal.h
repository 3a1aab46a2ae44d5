/* SPDX-License-Identifier: MIT */
/* What the files of the stream share: its inside. */
#ifndef IO_STREAM_INTERNAL_H
#define IO_STREAM_INTERNAL_H

#include "gate_internal.h"
#include "io/stream.h"
#include "io/watch.h"

enum stream_state {
    STREAM_CONNECTING, /* connect(2) is under way */
    STREAM_HANDSHAKE,  /* the layer's */
    STREAM_OPEN,
    STREAM_FAILED, /* on_failed came or comes; reading what is left is allowed */
    STREAM_CLOSED  /* waits for its grave */
};

/* Our direction. */
enum stream_side { SIDE_OPEN, SIDE_ENDING, SIDE_ENDED };

/* What is known of a peer that had to wait at the gate (hearing.c). */
struct hearing {
    double until;      /* loop_now() up to which all that it said was read; 0: it did not wait */
    double first_pass; /* when it was let go on for the first time since then; 0: not yet */
    uint64_t mark;     /* bytes_in when it last began to wait */
    bool was_read;     /* since then */
};

struct stream {
    struct loop *loop;
    const struct stream_events *events;
    void *owner;
    const struct stream_layer *ops; /* NULL: plain */
    void *layer;
    struct loop_watch watch; /* edge-triggered: what it tells is kept in the flags below */
    struct loop_task flush;  /* sends what was queued in this piece */
    struct loop_task step;   /* what the stream owes its owner without an event of the socket */
    struct loop_task grave;
    struct gate_waiter waiter; /* not to be told of bytes, for want of memory */
    struct hearing hearing;
    struct account *account; /* in which it stands; NULL: none */
    size_t charged;          /* bytes, there */
    struct chain queue;
    uint64_t bytes_in;
    uint64_t bytes_out;
    int fd; /* -1 once closed */
    int connect_errno;
    enum stream_state state;
    enum stream_side side;
    enum error read_end; /* what the last read ended with, for good */
    bool paused;
    bool is_readable; /* the socket may hold something that was not read */
    bool is_hung;     /* its end or an error was told of: a short read has not emptied it */
    bool is_blocked;  /* the next event of a writable socket goes on */
    bool was_full;
    bool is_bulk; /* the last read filled its buffer */
};

/* Legal moves only. */
void stream_set_state(struct stream *stream, enum stream_state state);

/* The socket takes no more, or is not connected yet: an event will tell. */
void stream_block(struct stream *stream);

/* Stops watching and tells the owner. Not from within a call of the owner's. */
void stream_fail(struct stream *stream, enum error error);

/* Puts on the wire what it takes. Returns 0 when all is gone, 1 to wait for the socket, or an
 * error. Calls nobody. */
int stream_push(struct stream *stream);

/* Sees that the owner is told of what waits to be read, if it wants to know. */
void stream_read_on(struct stream *stream);

/* Sees that the owner is told of what a layer holds, and that what it made is sent. */
void stream_rearm(struct stream *stream);

/* It begins to wait at the gate; it need not wait any more; something was read after it did. */
void stream_note_wait(struct stream *stream);
void stream_note_pass(struct stream *stream);
void stream_note_read(struct stream *stream);

/* The watch's, the tasks' and the gate's callbacks. */
void stream_on_socket(struct loop_task *task);
void stream_on_flush(struct loop_task *task);
void stream_on_step(struct loop_task *task);
void stream_on_pass(struct gate_waiter *waiter);

#endif
