/* SPDX-License-Identifier: MIT */
/* Feeds bytes to a reader in every way in which a network may cut them. */
#ifndef TEST_H1_FEED_H
#define TEST_H1_FEED_H

#include "h1/read.h"
#include "h1/write.h"

static const struct h1_limits feed_limits = {
    .line_max = 8192, .head_max = 32768, .fields_max = 100};

struct feed {
    struct chain_pool pool;
    struct chain in;
    struct chain out;
    struct arena arena;
    struct slice bytes; /* not yet fed */
    unsigned way;
    uint32_t random;
};

/* Ways 0: whole; 1: byte by byte; 2 to 7: random pieces; 8 on: whole, but a buffer ends behind the
 * first way - 7 bytes. */
#define FEED_WAYS 48

static inline void feed_open(struct feed *feed, struct slice bytes, unsigned way)
{
    *feed = (struct feed){.bytes = bytes, .way = way, .random = way * 2654435761u + 1};
    chain_pool_init(&feed->pool);
    chain_init(&feed->in, &feed->pool);
    chain_init(&feed->out, &feed->pool);
    arena_init(&feed->arena, 4096);
    if (way >= 8) {
        static const char padding[BUFFER_SIZE];
        size_t len = BUFFER_SIZE - (way - 7);
        chain_append(&feed->in, padding, len);
        chain_append_slice(&feed->in, slice_head(bytes, way - 7));
        chain_consume(&feed->in, len);
        feed->bytes = slice_from(bytes, way - 7);
    }
}

/* Feeds the next piece; false when there is none. */
static inline bool feed_next(struct feed *feed)
{
    size_t len = feed->bytes.len;
    if (len == 0)
        return false;
    if (feed->way == 1)
        len = 1;
    if (feed->way >= 2 && feed->way < 8) {
        feed->random = feed->random * 1664525u + 1013904223u;
        len = 1 + (feed->random >> 8) % (4u << (feed->way - 2));
    }
    struct slice piece = slice_head(feed->bytes, len);
    chain_append_slice(&feed->in, piece);
    feed->bytes = slice_from(feed->bytes, piece.len);
    return true;
}

static inline void feed_close(struct feed *feed)
{
    chain_clear(&feed->in);
    chain_clear(&feed->out);
    chain_pool_free(&feed->pool);
    arena_free(&feed->arena);
}

static inline int feed_request(struct feed *feed, const struct h1_limits *limits,
                               struct http_request *request, struct h1_head_facts *facts)
{
    struct h1_head_reader reader = {0};
    int verdict = H1_MORE;
    do
        verdict = h1_read_request(&reader, &feed->in, limits, &feed->arena, request, facts);
    while (verdict == H1_MORE && feed_next(feed));
    return verdict;
}

static inline int feed_response(struct feed *feed, const struct h1_limits *limits,
                                enum http_method method, struct http_response *response,
                                struct h1_head_facts *facts)
{
    struct h1_head_reader reader = {0};
    int verdict = H1_MORE;
    do
        verdict =
            h1_read_response(&reader, &feed->in, limits, method, &feed->arena, response, facts);
    while (verdict == H1_MORE && feed_next(feed));
    return verdict;
}

static inline int feed_body(struct feed *feed, const struct h1_limits *limits,
                            const struct h1_head_facts *facts, size_t limit,
                            struct http_fields *trailers)
{
    struct h1_body_reader reader;
    int verdict = H1_MORE;
    h1_body_start(&reader, facts);
    http_fields_init(trailers, &feed->arena);
    do {
        size_t before;
        do {
            before = feed->out.len;
            verdict = h1_read_body(&reader, &feed->in, &feed->out, limit, limits, trailers);
        } while (verdict == H1_MORE && feed->out.len > before);
    } while (verdict == H1_MORE && feed_next(feed));
    return verdict;
}

/* What a chain holds, in the feed's arena. */
static inline struct slice feed_text(struct feed *feed, const struct chain *chain)
{
    char *text = arena_alloc(&feed->arena, chain->len + 1);
    chain_peek(chain, 0, text, chain->len);
    return (struct slice){text, chain->len};
}

#endif
