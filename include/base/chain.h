/* SPDX-License-Identifier: MIT */
/* Chains of shared buffers: body bytes move between queues, they are not copied. */
#ifndef BASE_CHAIN_H
#define BASE_CHAIN_H

#include "base/account.h"
#include "base/slice.h"
#include "base/spares.h"

#include <sys/queue.h>
#include <sys/uio.h>

/* Bytes that a large buffer holds: the payload of one full TLS record (RFC 8446 section 5.1). */
#define BUFFER_SIZE 16384
/* Bytes that a small buffer holds: what chain_compact leaves a waiting peer with. */
#define BUFFER_SMALL 1024

struct buffer;

/* One run of bytes in a buffer. Buffers are counted: two segments may share one. */
struct segment {
    TAILQ_ENTRY(segment) next;
    struct buffer *buffer;
    uint32_t start; /* offsets into the buffer */
    uint32_t end;
};

TAILQ_HEAD(segment_list, segment);

/* Free buffers and segments of one process, so that a steady flow allocates nothing. One per
 * loop; everything taken from it must be back before pool_free. */
struct chain_pool {
    SLIST_HEAD(, buffer) large;
    SLIST_HEAD(, buffer) small;
    struct segment_list segments;
    unsigned large_count, small_count, segment_count; /* that lie free */
    unsigned large_least;                             /* that did so since the last trim */
    size_t held;                                      /* bytes of buffers in use and free */
    struct account *account; /* whose memory is taken at the moment; NULL: nobody's */
    struct spares objects;   /* what else goes with the bytes of a loop: streams, calls */
};

/* Embedded by its owner, who is the only one to touch it. */
struct chain {
    struct segment_list segments;
    struct chain_pool *pool;
    size_t len; /* bytes in all segments */
};

void chain_pool_init(struct chain_pool *pool);
/* Frees what lies free; pool->held is what was not given back. */
void chain_pool_free(struct chain_pool *pool);

/* Frees the large buffers and the objects that nobody has needed since the last call. */
void chain_pool_trim(struct chain_pool *pool);

void chain_init(struct chain *chain, struct chain_pool *pool);

/* Gives all bytes back to the pool; the chain stays usable. */
void chain_clear(struct chain *chain);

/* Room to read into: at the tail when at least min bytes are free there and nobody shares it,
 * else in a new large buffer. min: 1 to BUFFER_SIZE. Fills *room (len >= min); commit what was
 * filled before any other call on the chain. */
char *chain_reserve(struct chain *chain, size_t min, size_t *room);
void chain_commit(struct chain *chain, size_t len);

/* Copies bytes to the end. */
void chain_append(struct chain *chain, const void *data, size_t len);
static inline void chain_append_slice(struct chain *chain, struct slice s)
{
    chain_append(chain, s.data, s.len);
}
void chain_printf(struct chain *chain, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Moves the first len bytes (at most all) from one chain to the end of another of the same pool,
 * sharing buffers; a run of at most 2 KiB that fits into free room at the tail is copied there, so
 * that many small reads do not hold a large buffer each. */
void chain_move(struct chain *to, struct chain *from, size_t len);

/* Appends a reference to len bytes from offset on of another chain of the same pool, which keeps
 * them; both must lie inside it. A run of at most 2 KiB is copied: a few bytes do not hold a large
 * buffer. Returns the bytes of the buffers that the chain holds in addition. */
size_t chain_share(struct chain *to, const struct chain *from, size_t offset, size_t len);

/* Drops the first len bytes (at most all). */
void chain_consume(struct chain *chain, size_t len);

/* The first contiguous run; empty when the chain is. */
struct slice chain_first(const struct chain *chain);

/* Describes the runs from the start on, at most max of them. Returns how many. */
int chain_iovec(const struct chain *chain, struct iovec *iov, int max);

/* Copies len bytes from offset on to data; both must lie inside the chain. */
void chain_peek(const struct chain *chain, size_t offset, void *data, size_t len);

/* Moves what is at most half a large buffer to small ones: a peer that waits in the middle of
 * something holds what it has sent, in whole KiB, however it was cut. */
void chain_compact(struct chain *chain);

#endif
