/* SPDX-License-Identifier: MIT */
/* rooms: h1 http base */
/* Response heads: however they are cut the verdict is one, and what is passed on means the same. */
#include "unit/h1/rig.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Passes it on as a gateway does, and reads it as the client would. */
static void check_forwarded(struct rig *rig, const struct http_response *response,
                            enum http_method method, enum h1_framing framing)
{
    struct h1_limits wide = {.line_max = 65536, .head_max = 1 << 20, .fields_max = 200};
    struct h1_response_options options = {HTTP_1_1, method, true};
    struct http_response forward = *response;
    struct http_response back;
    struct h1_head_facts facts;
    http_fields_init(&forward.fields, &rig->arena);
    http_fields_forward(&forward.fields, &response->fields);
    chain_clear(&rig->in);
    rig->bytes = SLICE("");
    enum h1_framing written = h1_write_response(&rig->in, &forward, &options, 784111777);
    check(written == (framing == H1_UNTIL_CLOSE ? H1_CHUNKED : framing));
    check(rig_response(rig, &wide, method, &back, &facts) == H1_DONE);
    check(rig->in.len == 0);
    check(facts.framing == written && facts.keep_alive);
    check(back.status == response->status && back.has_body == response->has_body);
    struct slice reason = response->reason;
    check(slice_equal(back.reason,
                      reason.len > 0 ? reason : slice_of(http_reason(response->status))));
    if (response->content_length > 0)
        check(back.content_length == response->content_length);
    uint32_t dates =
        http_fields_find(&forward.fields, FIELD_DATE) || response->status < 200 ? 0 : 1;
    check(back.fields.count == forward.fields.count + dates + (response->status == 101));
}

static void run(struct slice bytes, enum http_method method)
{
    static const struct h1_limits limits = {.line_max = 200, .head_max = 600, .fields_max = 12};
    static const unsigned ways[] = {0, 1, 4, 8, 20};
    struct rig first;
    struct http_response response;
    struct h1_head_facts facts;
    rig_open(&first, bytes, 0);
    int verdict = rig_response(&first, &limits, method, &response, &facts);
    check(verdict >= 0 || verdict == ERROR_RESPONSE || verdict == ERROR_RESPONSE_TOO_LARGE);
    for (size_t i = 1; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct rig other;
        struct http_response same;
        struct h1_head_facts same_facts;
        rig_open(&other, bytes, ways[i]);
        check(rig_response(&other, &limits, method, &same, &same_facts) == verdict);
        if (verdict == H1_DONE) {
            check(response.status == same.status && response.has_body == same.has_body);
            check(response.fields.count == same.fields.count);
            check(facts.framing == same_facts.framing && facts.length == same_facts.length);
            check(facts.keep_alive == same_facts.keep_alive);
        }
        rig_close(&other);
    }
    if (verdict == H1_DONE)
        check_forwarded(&first, &response, method, facts.framing);
    rig_close(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    run(bytes, METHOD_GET);
    run(bytes, METHOD_HEAD);
    return 0;
}
