/* SPDX-License-Identifier: MIT */
/* Feeds bytes to a reader in every way in which a network may cut them. */
#ifndef TEST_H1_RIG_H
#define TEST_H1_RIG_H

#include "h1/read.h"
#include "h1/write.h"

static const struct h1_limits rig_limits = {.line_max = 8192, .head_max = 32768, .fields_max = 100};

struct rig {
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
#define RIG_WAYS 48

static inline void rig_open(struct rig *rig, struct slice bytes, unsigned way)
{
    *rig = (struct rig){.bytes = bytes, .way = way, .random = way * 2654435761u + 1};
    chain_pool_init(&rig->pool);
    chain_init(&rig->in, &rig->pool);
    chain_init(&rig->out, &rig->pool);
    arena_init(&rig->arena, 4096);
    if (way >= 8) {
        static const char padding[BUFFER_SIZE];
        size_t len = BUFFER_SIZE - (way - 7);
        chain_append(&rig->in, padding, len);
        chain_append_slice(&rig->in, slice_head(bytes, way - 7));
        chain_consume(&rig->in, len);
        rig->bytes = slice_from(bytes, way - 7);
    }
}

/* Feeds the next piece; false when there is none. */
static inline bool rig_feed(struct rig *rig)
{
    size_t len = rig->bytes.len;
    if (len == 0)
        return false;
    if (rig->way == 1)
        len = 1;
    if (rig->way >= 2 && rig->way < 8) {
        rig->random = rig->random * 1664525u + 1013904223u;
        len = 1 + (rig->random >> 8) % (4u << (rig->way - 2));
    }
    struct slice piece = slice_head(rig->bytes, len);
    chain_append_slice(&rig->in, piece);
    rig->bytes = slice_from(rig->bytes, piece.len);
    return true;
}

static inline void rig_close(struct rig *rig)
{
    chain_clear(&rig->in);
    chain_clear(&rig->out);
    chain_pool_free(&rig->pool);
    arena_free(&rig->arena);
}

static inline int rig_request(struct rig *rig, const struct h1_limits *limits,
                              struct http_request *request, struct h1_head_facts *facts)
{
    struct h1_head_reader reader = {0};
    int verdict = H1_MORE;
    do
        verdict = h1_read_request(&reader, &rig->in, limits,
                                  &(struct h1_request_sink){&rig->arena, request, facts});
    while (verdict == H1_MORE && rig_feed(rig));
    return verdict;
}

static inline int rig_response(struct rig *rig, const struct h1_limits *limits,
                               enum http_method method, struct http_response *response,
                               struct h1_head_facts *facts)
{
    struct h1_head_reader reader = {0};
    int verdict = H1_MORE;
    do
        verdict = h1_read_response(&reader, &rig->in, limits, method,
                                   &(struct h1_response_sink){&rig->arena, response, facts});
    while (verdict == H1_MORE && rig_feed(rig));
    return verdict;
}

static inline int rig_body(struct rig *rig, const struct h1_limits *limits,
                           const struct h1_head_facts *facts, size_t limit,
                           struct http_fields *trailers)
{
    struct h1_body_reader reader;
    int verdict = H1_MORE;
    h1_body_start(&reader, facts);
    http_fields_init(trailers, &rig->arena);
    do {
        size_t before;
        do {
            before = rig->out.len;
            verdict = h1_read_body(&reader, &rig->in, limits,
                                   &(struct h1_body_sink){&rig->out, limit, trailers});
        } while (verdict == H1_MORE && rig->out.len > before);
    } while (verdict == H1_MORE && rig_feed(rig));
    return verdict;
}

/* What a chain holds, in the rig's arena. */
static inline struct slice rig_text(struct rig *rig, const struct chain *chain)
{
    char *text = arena_alloc(&rig->arena, chain->len + 1);
    chain_peek(chain, 0, text, chain->len);
    return (struct slice){text, chain->len};
}

#endif
