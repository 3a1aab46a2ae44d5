/* SPDX-License-Identifier: MIT */
/* A connected, non-blocking byte stream on the loop, plain or (through struct stream_layer) TLS.
 *
 * Reading is pulled: on_readable tells that stream_read may have something. Writing is queued:
 * stream_write moves bytes to the stream, and what all callers queued in one piece of the share's
 * work leaves at its end in one system call. Backpressure: do not queue while stream_is_full;
 * on_writable tells when to go on. The socket is watched for edges, of whatever is of use: a steady
 * flow, a pause and a full socket make no epoll_ctl. The stream belongs to the share at work when
 * it is made.
 *
 * Lifetime: stream_close marks; the memory goes at the turn's end. After stream_close no callback
 * comes any more. Callbacks may close the stream they are called for. */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include "base/address.h"
#include "base/error.h"
#include "io/loop.h"

struct stream;

/* What the owner is told. */
struct stream_events {
    /* Connected, or the TLS handshake is complete. Before it nothing is readable. */
    void (*on_open)(void *owner);
    /* Bytes, the end or an error wait for stream_read; it may also find nothing yet. Comes again,
     * when the stream's turn does, after every stream_read that may have left something, until the
     * end or an error was read. An owner that does not want to read now must pause. */
    void (*on_readable)(void *owner);
    /* The queue was full and is below half now, or has become empty. */
    void (*on_writable)(void *owner);
    /* Connecting, the handshake or writing failed. The owner must close the stream, but after a
     * failed write may first take with stream_read what the peer had sent before. Comes once,
     * never from within a function of this header. */
    void (*on_failed)(void *owner, enum error error);
};

/* Bytes queued at which a stream is full. */
#define STREAM_QUEUE (64 * 1024)

/* A plain stream on a connected socket. Owns fd, which must be non-blocking. on_open is not
 * called. The first on_readable comes at the earliest in the next turn. */
struct stream *stream_new(struct loop *loop, int fd, const struct stream_events *events,
                          void *owner);

/* Connects: on_open or on_failed follows, never before this returns. Owns fd, a fresh non-blocking
 * socket of the address's family, also on error (closed). Returns NULL when connect(2) fails at
 * once, with errno kept. */
struct stream *stream_connect(struct loop *loop, int fd, const struct address *address,
                              const struct stream_events *events, void *owner);

/* Another owner takes over, e.g. HTTP after the handshake chose it. */
void stream_set_owner(struct stream *stream, const struct stream_events *events, void *owner);

/* Appends what can be read now to `into`, at most limit bytes and at most one read(2) of the
 * socket. Returns the count (> 0), 0 when nothing is there yet, ERROR_END after the peer's orderly
 * end (FIN; close_notify under TLS), ERROR_TRUNCATED on a FIN without close_notify, ERROR_RESET or
 * ERROR_TLS. */
long stream_read(struct stream *stream, struct chain *into, size_t limit);

/* Moves all bytes of `from` to the queue and sees that they leave at the turn's end. */
void stream_write(struct stream *stream, struct chain *from);

/* Bytes queued here and not yet taken by the kernel. */
size_t stream_queued(const struct stream *stream);
bool stream_is_full(const struct stream *stream);

/* Bytes the kernel took that the peer has not acknowledged (SIOCOUTQ of tcp(7)); 0 if unknown.
 * One system call: for timers, not for the request path. */
size_t stream_unacked(const struct stream *stream);

/* Bytes that passed so far, above TLS. */
uint64_t stream_bytes_in(const struct stream *stream);
uint64_t stream_bytes_out(const struct stream *stream);

/* No on_readable while paused. Resuming brings on_readable again when bytes wait, also bytes that
 * TLS holds decrypted. A peer's reset is told of also while paused. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* Whether bytes of the peer wait that are not read now, for want of memory (io/gate.h). */
bool stream_is_held(const struct stream *stream);

/* Up to which moment (loop_now()) all that the peer has said was read: now, but for one that is
 * held or was held a moment ago, and may have said in the meantime what its clock waits for. Such a
 * clock is over when this moment is later; what is over by loop_now() alone is looked at again
 * after STREAM_HELD_LOOK seconds. A peer that is read again and again and always has more to say is
 * excused for STREAM_EXCUSE seconds. */
double stream_heard(const struct stream *stream);
#define STREAM_HELD_LOOK 0.5
#define STREAM_EXCUSE    120.0

/* Ends our side once the queue is empty: close_notify, then shutdown(SHUT_WR). Reading goes on. */
void stream_end(struct stream *stream);

/* Whether our side's end is on the wire. */
bool stream_has_ended(const struct stream *stream);

/* Ends everything at once; what is queued is dropped. With reset, the peer sees a RST (SO_LINGER
 * 0), which tells it that the message was cut short. NULL is ignored. */
void stream_close(struct stream *stream);
void stream_close_reset(struct stream *stream);

/* Flushes what is queued now, as far as the kernel takes it, and closes. For last words. */
void stream_flush_close(struct stream *stream);

/* The errno with which connecting failed; 0: it did not. */
int stream_errno(const struct stream *stream);

int stream_fd(const struct stream *stream);
struct loop *stream_loop(const struct stream *stream);

/* ---- for the TLS room ---- */

/* How bytes are turned into what the wire carries. Every function may use stream_socket_read and
 * stream_socket_write. */
struct stream_layer {
    /* As stream_read. */
    long (*read)(void *layer, struct stream *stream, struct chain *into, size_t limit);
    /* Takes bytes from `queue` and puts them on the wire. Returns 0 when the queue and everything
     * on the way to the wire is gone, 1 when the socket takes no more now, or an error. */
    int (*write)(void *layer, struct stream *stream, struct chain *queue);
    /* Called for readable and writable sockets until the handshake is complete. Returns 1 when
     * complete, 0 to wait (as it said by *wants_write), or an error. */
    int (*handshake)(void *layer, struct stream *stream, bool *wants_write);
    /* Puts the orderly end on the wire. Returns as write. */
    int (*end)(void *layer, struct stream *stream);
    /* Whether decrypted or undecrypted bytes are held that epoll will not tell of. */
    bool (*has_pending)(void *layer);
    /* Bytes on the way to the wire that the socket did not take yet; `write` goes on with them. */
    size_t (*queued)(void *layer);
    void (*free)(void *layer);
};

/* Puts a layer under the stream, which owns it from now on; before any byte has passed. The
 * handshake starts at once; on_open or on_failed follows, never before this returns. */
void stream_set_layer(struct stream *stream, const struct stream_layer *ops, void *layer);

/* About how much memory the layer takes now by being there, for io/gate.h. */
void stream_layer_holds(struct stream *stream, size_t bytes);

/* The layer, for questions about it; NULL for a plain stream. */
void *stream_layer(const struct stream *stream);

/* recv(2) and sendmsg(2) on the socket: the count, 0 for "would block", or an error (ERROR_END for
 * FIN on reading). */
long stream_socket_read(struct stream *stream, void *data, size_t size);
long stream_socket_write(struct stream *stream, const struct iovec *iov, int count);

#endif
