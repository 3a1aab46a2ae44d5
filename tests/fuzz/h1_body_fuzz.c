/* SPDX-License-Identifier: MIT */
/* rooms: h1 http base */
/* Chunked bodies: however they are cut the verdict and the bytes are one, and survive a rewrite. */
#include "unit/h1/rig.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static const struct h1_limits limits = {.line_max = 100, .head_max = 300, .fields_max = 6};
static const struct h1_head_facts chunked = {.framing = H1_CHUNKED};
static const struct h1_head_facts odd = {.framing = H1_CHUNKED, .is_response = true};

/* Frames the body anew and reads it back; a trailer may have got a space behind its colon. */
static void check_rewritten(struct rig *rig, const struct http_fields *trailers)
{
    static const struct h1_limits wide = {.line_max = 200, .head_max = 600, .fields_max = 6};
    struct http_fields back;
    struct slice body = rig_text(rig, &rig->out);
    chain_clear(&rig->in);
    rig->bytes = SLICE("");
    h1_write_body(&rig->in, &rig->out, H1_CHUNKED);
    h1_write_end(&rig->in, H1_CHUNKED, trailers);
    check(rig->out.len == 0);
    check(rig_body(rig, &wide, &chunked, 3, &back) == H1_DONE);
    check(rig->in.len == 0);
    check(slice_equal(rig_text(rig, &rig->out), body));
    check(back.count == trailers->count);
}

/* A request's body that is taken means the same in a response. */
static void check_lenient(struct slice bytes, struct slice body)
{
    struct rig rig;
    struct http_fields trailers;
    rig_open(&rig, bytes, 0);
    check(rig_body(&rig, &limits, &odd, SIZE_MAX, &trailers) == H1_DONE);
    check(slice_equal(rig_text(&rig, &rig.out), body));
    rig_close(&rig);
}

static void run(struct slice bytes, const struct h1_head_facts *facts)
{
    static const unsigned ways[] = {1, 4, 8, 20};
    static const size_t at_once[] = {SIZE_MAX, 1, 5, 300};
    struct rig first;
    struct http_fields trailers;
    rig_open(&first, bytes, 0);
    int verdict = rig_body(&first, &limits, facts, SIZE_MAX, &trailers);
    struct slice body = rig_text(&first, &first.out);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct rig other;
        struct http_fields same;
        rig_open(&other, bytes, ways[i]);
        check(rig_body(&other, &limits, facts, at_once[i], &same) == verdict);
        check(slice_equal(rig_text(&other, &other.out), body));
        check(same.count == trailers.count);
        if (verdict == H1_DONE)
            check(other.in.len + other.bytes.len == first.in.len);
        rig_close(&other);
    }
    if (verdict == H1_DONE && facts == &chunked)
        check_lenient(bytes, body);
    if (verdict == H1_DONE)
        check_rewritten(&first, &trailers);
    rig_close(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    run(bytes, &chunked);
    run(bytes, &odd);
    return 0;
}
