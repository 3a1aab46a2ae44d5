/* SPDX-License-Identifier: MIT */
/* Chains of shared buffers, and the pool that they come from. */
#include "base/chain.h"

#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What lies free is bounded: a burst does not stay in memory. */
#define POOL_LARGE    64
#define POOL_SMALL    64
#define POOL_SEGMENTS 256

/* A whole run up to this length is copied where there is room for it: one large buffer per small
 * read would let a trickling peer hold many times what it sent. */
#define COPY_WHOLE 2048
/* A part of a run shorter than this is cheaper to copy than to share. */
#define COPY_PART 256

/* More than this is held as it lies: a large buffer is at least half full. */
#define COMPACT_MAX (BUFFER_SIZE / 2)

struct buffer {
    SLIST_ENTRY(buffer) free_next;
    struct account *account; /* of who took it; NULL while it lies free */
    uint32_t references;
    uint32_t size; /* BUFFER_SIZE or BUFFER_SMALL */
    char data[];
};

void chain_pool_init(struct chain_pool *pool)
{
    *pool = (struct chain_pool){0};
    TAILQ_INIT(&pool->segments);
}

static void free_list(struct chain_pool *pool, struct buffer *buffer)
{
    while (buffer) {
        struct buffer *next = SLIST_NEXT(buffer, free_next);
        pool->held -= buffer->size;
        free(buffer);
        buffer = next;
    }
}

void chain_pool_trim(struct chain_pool *pool)
{
    for (; pool->large_least > 0; pool->large_least--) {
        struct buffer *buffer = SLIST_FIRST(&pool->large);
        SLIST_REMOVE_HEAD(&pool->large, free_next);
        pool->large_count--;
        pool->held -= buffer->size;
        free(buffer);
    }
    pool->large_least = pool->large_count;
    spares_trim(&pool->objects);
}

void chain_pool_free(struct chain_pool *pool)
{
    spares_free(&pool->objects);
    free_list(pool, SLIST_FIRST(&pool->large));
    free_list(pool, SLIST_FIRST(&pool->small));
    while (!TAILQ_EMPTY(&pool->segments)) {
        struct segment *segment = TAILQ_FIRST(&pool->segments);
        TAILQ_REMOVE(&pool->segments, segment, next);
        free(segment);
    }
    SLIST_INIT(&pool->large);
    SLIST_INIT(&pool->small);
    pool->large_count = pool->small_count = pool->segment_count = pool->large_least = 0;
}

static struct buffer *buffer_take(struct chain_pool *pool, uint32_t size)
{
    bool is_large = size == BUFFER_SIZE;
    struct buffer *buffer = is_large ? SLIST_FIRST(&pool->large) : SLIST_FIRST(&pool->small);
    if (!buffer) {
        buffer = memory_alloc(sizeof(*buffer) + size);
        buffer->size = size;
        pool->held += size;
    } else if (is_large) {
        SLIST_REMOVE_HEAD(&pool->large, free_next);
        pool->large_count--;
        if (pool->large_count < pool->large_least)
            pool->large_least = pool->large_count;
    } else {
        SLIST_REMOVE_HEAD(&pool->small, free_next);
        pool->small_count--;
    }
    buffer->references = 1;
    buffer->account = pool->account;
    account_take(buffer->account, size);
    return buffer;
}

static void buffer_unref(struct chain_pool *pool, struct buffer *buffer)
{
    if (--buffer->references > 0)
        return;
    account_give(buffer->account, buffer->size);
    buffer->account = NULL;
    if (buffer->size == BUFFER_SIZE && pool->large_count < POOL_LARGE) {
        SLIST_INSERT_HEAD(&pool->large, buffer, free_next);
        pool->large_count++;
    } else if (buffer->size == BUFFER_SMALL && pool->small_count < POOL_SMALL) {
        SLIST_INSERT_HEAD(&pool->small, buffer, free_next);
        pool->small_count++;
    } else {
        pool->held -= buffer->size;
        free(buffer);
    }
}

/* Takes over one reference to the buffer. */
static struct segment *segment_take(struct chain_pool *pool, struct buffer *buffer)
{
    struct segment *segment = TAILQ_FIRST(&pool->segments);
    if (segment) {
        TAILQ_REMOVE(&pool->segments, segment, next);
        pool->segment_count--;
    } else {
        segment = memory_alloc(sizeof(*segment));
    }
    segment->buffer = buffer;
    segment->start = segment->end = 0;
    return segment;
}

static void segment_give(struct chain_pool *pool, struct segment *segment)
{
    buffer_unref(pool, segment->buffer);
    if (pool->segment_count < POOL_SEGMENTS) {
        TAILQ_INSERT_HEAD(&pool->segments, segment, next);
        pool->segment_count++;
    } else {
        free(segment);
    }
}

static size_t segment_len(const struct segment *segment)
{
    return segment->end - segment->start;
}

void chain_init(struct chain *chain, struct chain_pool *pool)
{
    TAILQ_INIT(&chain->segments);
    chain->pool = pool;
    chain->len = 0;
}

static void drop_first(struct chain *chain)
{
    struct segment *segment = TAILQ_FIRST(&chain->segments);
    chain->len -= segment_len(segment);
    TAILQ_REMOVE(&chain->segments, segment, next);
    segment_give(chain->pool, segment);
}

void chain_clear(struct chain *chain)
{
    while (!TAILQ_EMPTY(&chain->segments))
        drop_first(chain);
}

/* Free bytes behind the last segment that nobody else can fill. */
static size_t tail_room(const struct chain *chain)
{
    struct segment *tail = TAILQ_LAST(&chain->segments, segment_list);
    if (!tail || tail->buffer->references != 1)
        return 0;
    return tail->buffer->size - tail->end;
}

char *chain_reserve(struct chain *chain, size_t min, size_t *room)
{
    assert(min >= 1 && min <= BUFFER_SIZE);
    if (tail_room(chain) < min) {
        struct segment *fresh = segment_take(chain->pool, buffer_take(chain->pool, BUFFER_SIZE));
        TAILQ_INSERT_TAIL(&chain->segments, fresh, next);
    }
    struct segment *tail = TAILQ_LAST(&chain->segments, segment_list);
    *room = tail->buffer->size - tail->end;
    return tail->buffer->data + tail->end;
}

void chain_commit(struct chain *chain, size_t len)
{
    struct segment *tail = TAILQ_LAST(&chain->segments, segment_list);
    assert(tail && len <= tail->buffer->size - tail->end);
    tail->end += (uint32_t)len;
    chain->len += len;
    if (segment_len(tail) > 0)
        return;
    /* Nothing came: the empty segment reserved for it goes, so that no idle peer holds one. */
    TAILQ_REMOVE(&chain->segments, tail, next);
    segment_give(chain->pool, tail);
}

void chain_append(struct chain *chain, const void *data, size_t len)
{
    const char *bytes = data;
    while (len > 0) {
        size_t room;
        char *to = chain_reserve(chain, 1, &room);
        size_t part = len < room ? len : room;
        memcpy(to, bytes, part);
        chain_commit(chain, part);
        bytes += part;
        len -= part;
    }
}

void chain_printf(struct chain *chain, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert(len >= 0 && (size_t)len < sizeof(text));
    chain_append(chain, text, (size_t)len);
}

/* Moves the first segment whole, or copies it when that is cheaper. */
static void move_first(struct chain *to, struct chain *from)
{
    struct segment *segment = TAILQ_FIRST(&from->segments);
    size_t len = segment_len(segment);
    if (len <= COPY_WHOLE && tail_room(to) >= len) {
        chain_append(to, segment->buffer->data + segment->start, len);
        drop_first(from);
        return;
    }
    TAILQ_REMOVE(&from->segments, segment, next);
    from->len -= len;
    TAILQ_INSERT_TAIL(&to->segments, segment, next);
    to->len += len;
}

/* Appends a second segment of the same buffer. */
static void share_part(struct chain *to, const struct segment *segment, size_t offset, size_t len)
{
    segment->buffer->references++;
    struct segment *part = segment_take(to->pool, segment->buffer);
    part->start = segment->start + (uint32_t)offset;
    part->end = part->start + (uint32_t)len;
    TAILQ_INSERT_TAIL(&to->segments, part, next);
    to->len += len;
}

/* Moves the front part of the first segment, sharing its buffer. */
static void move_part(struct chain *to, struct chain *from, size_t len)
{
    struct segment *segment = TAILQ_FIRST(&from->segments);
    if (len < COPY_PART) {
        chain_append(to, segment->buffer->data + segment->start, len);
    } else {
        share_part(to, segment, 0, len);
    }
    segment->start += (uint32_t)len;
    from->len -= len;
}

void chain_move(struct chain *to, struct chain *from, size_t len)
{
    assert(to != from && to->pool == from->pool);
    while (len > 0 && from->len > 0) {
        size_t first = segment_len(TAILQ_FIRST(&from->segments));
        if (first > len) {
            move_part(to, from, len);
            return;
        }
        move_first(to, from);
        len -= first;
    }
}

/* As chain_append, but a few bytes without room at the tail take a small buffer. */
static void append_small(struct chain *chain, const char *data, size_t len)
{
    if (tail_room(chain) < len && len <= BUFFER_SMALL) {
        struct segment *fresh = segment_take(chain->pool, buffer_take(chain->pool, BUFFER_SMALL));
        TAILQ_INSERT_TAIL(&chain->segments, fresh, next);
    }
    chain_append(chain, data, len);
}

/* The buffers behind that segment; two neighbours may be parts of one. */
static size_t held_behind(const struct chain *chain, const struct segment *last)
{
    const struct buffer *known = last ? last->buffer : NULL;
    const struct segment *segment = last ? TAILQ_NEXT(last, next) : TAILQ_FIRST(&chain->segments);
    size_t held = 0;
    for (; segment; segment = TAILQ_NEXT(segment, next)) {
        held += segment->buffer != known ? segment->buffer->size : 0;
        known = segment->buffer;
    }
    return held;
}

size_t chain_share(struct chain *to, const struct chain *from, size_t offset, size_t len)
{
    assert(to != from && to->pool == from->pool);
    assert(offset <= from->len && len <= from->len - offset);
    const struct segment *last = TAILQ_LAST(&to->segments, segment_list);
    const struct segment *segment;
    TAILQ_FOREACH (segment, &from->segments, next) {
        if (len == 0)
            break;
        size_t here = segment_len(segment);
        if (offset >= here) {
            offset -= here;
            continue;
        }
        size_t part = here - offset < len ? here - offset : len;
        if (part <= COPY_WHOLE)
            append_small(to, segment->buffer->data + segment->start + offset, part);
        else
            share_part(to, segment, offset, part);
        len -= part;
        offset = 0;
    }
    return held_behind(to, last);
}

void chain_consume(struct chain *chain, size_t len)
{
    while (len > 0 && chain->len > 0) {
        struct segment *segment = TAILQ_FIRST(&chain->segments);
        if (segment_len(segment) > len) {
            segment->start += (uint32_t)len;
            chain->len -= len;
            return;
        }
        len -= segment_len(segment);
        drop_first(chain);
    }
}

struct slice chain_first(const struct chain *chain)
{
    const struct segment *segment = TAILQ_FIRST(&chain->segments);
    if (!segment)
        return (struct slice){"", 0};
    return (struct slice){segment->buffer->data + segment->start, segment_len(segment)};
}

int chain_iovec(const struct chain *chain, struct iovec *iov, int max)
{
    int count = 0;
    const struct segment *segment;
    TAILQ_FOREACH (segment, &chain->segments, next) {
        if (count == max)
            break;
        iov[count].iov_base = segment->buffer->data + segment->start;
        iov[count].iov_len = segment_len(segment);
        count++;
    }
    return count;
}

void chain_peek(const struct chain *chain, size_t offset, void *data, size_t len)
{
    assert(offset <= chain->len && len <= chain->len - offset);
    char *to = data;
    const struct segment *segment;
    TAILQ_FOREACH (segment, &chain->segments, next) {
        if (len == 0)
            return;
        size_t here = segment_len(segment);
        if (offset >= here) {
            offset -= here;
            continue;
        }
        size_t part = here - offset < len ? here - offset : len;
        memcpy(to, segment->buffer->data + segment->start + offset, part);
        to += part;
        len -= part;
        offset = 0;
    }
}

/* Copies to the end, into small buffers. */
static void append_compact(struct chain *chain, const char *data, size_t len)
{
    while (len > 0) {
        size_t room = tail_room(chain);
        if (room == 0) {
            append_small(chain, data, len < BUFFER_SMALL ? len : BUFFER_SMALL);
            room = len < BUFFER_SMALL ? len : BUFFER_SMALL;
        } else {
            room = room < len ? room : len;
            chain_append(chain, data, room);
        }
        data += room;
        len -= room;
    }
}

void chain_compact(struct chain *chain)
{
    if (chain->len > COMPACT_MAX)
        return;
    struct chain compact;
    chain_init(&compact, chain->pool);
    struct segment *segment;
    while ((segment = TAILQ_FIRST(&chain->segments))) {
        size_t len = segment_len(segment);
        if (segment->buffer->size != BUFFER_SMALL) {
            append_compact(&compact, segment->buffer->data + segment->start, len);
            drop_first(chain);
            continue;
        }
        TAILQ_REMOVE(&chain->segments, segment, next);
        chain->len -= len;
        TAILQ_INSERT_TAIL(&compact.segments, segment, next);
        compact.len += len;
    }
    TAILQ_CONCAT(&chain->segments, &compact.segments, next);
    chain->len = compact.len;
}
