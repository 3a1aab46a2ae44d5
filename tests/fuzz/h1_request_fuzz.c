/* SPDX-License-Identifier: MIT */
/* rooms: h1 http base */
/* Request heads: however they are cut the verdict is one, and what is forwarded means the same. */
#include "unit/h1/rig.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_same(const struct http_request *a, const struct http_request *b)
{
    check(slice_equal(a->method_text, b->method_text) && a->method == b->method);
    check(slice_equal(a->target, b->target) && slice_equal(a->path, b->path));
    check(slice_equal(a->authority, b->authority) && slice_equal(a->host, b->host));
    check(slice_equal(a->upgrade, b->upgrade));
    check(a->content_length == b->content_length);
}

/* Forwards it as a gateway does, and reads it as the backend would. */
static void check_forwarded(struct rig *rig, const struct http_request *request,
                            enum h1_framing framing)
{
    struct h1_limits wide = {.line_max = 65536, .head_max = 1 << 20, .fields_max = 200};
    struct http_request forward = *request;
    struct http_request back;
    struct h1_head_facts facts;
    http_fields_init(&forward.fields, &rig->arena);
    http_fields_forward(&forward.fields, &request->fields);
    if (forward.authority.len == 0) {
        forward.authority = SLICE("nobody.test");
        forward.host = forward.authority;
    }
    chain_clear(&rig->in);
    rig->bytes = SLICE("");
    check(h1_write_request(&rig->in, &forward) == framing);
    check(rig_request(rig, &wide, &back, &facts) == H1_DONE);
    check(rig->in.len == 0);
    check(facts.framing == framing && facts.keep_alive && back.version == HTTP_1_1);
    check_same(&forward, &back);
    uint32_t hosts = http_fields_count(&forward.fields, FIELD_HOST);
    uint32_t expected = forward.fields.count - hosts + 1 + (forward.upgrade.len > 0 ? 2 : 0);
    check(back.fields.count == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct h1_limits limits = {.line_max = 200, .head_max = 600, .fields_max = 12};
    static const unsigned ways[] = {0, 1, 4, 8, 20};
    struct slice bytes = {(const char *)data, size};
    struct rig first;
    struct http_request request;
    struct h1_head_facts facts;
    rig_open(&first, bytes, 0);
    int verdict = rig_request(&first, &limits, &request, &facts);
    for (size_t i = 1; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct rig other;
        struct http_request same;
        struct h1_head_facts same_facts;
        rig_open(&other, bytes, ways[i]);
        check(rig_request(&other, &limits, &same, &same_facts) == verdict);
        if (verdict == H1_DONE) {
            check_same(&request, &same);
            check(request.fields.count == same.fields.count);
            check(facts.framing == same_facts.framing && facts.length == same_facts.length);
            check(facts.head_bytes == same_facts.head_bytes);
        }
        rig_close(&other);
    }
    if (verdict == H1_DONE)
        check_forwarded(&first, &request, facts.framing);
    rig_close(&first);
    return 0;
}
