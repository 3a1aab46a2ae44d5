/* SPDX-License-Identifier: MIT */
/* Bodies: lengths, chunks and trailers, whole and torn, well-formed and hostile. */
#include "h1/rig.h"

#include <criterion/criterion.h>

struct sample {
    struct slice bytes;
    int verdict;
    const char *body; /* when it is done */
    const char *rest; /* what is left in the chain */
};
#define BYTES(literal)                                                                             \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define GOOD(bytes, body, rest)                                                                    \
    {                                                                                              \
        BYTES(bytes), H1_DONE, body, rest                                                          \
    }
#define BAD(bytes)                                                                                 \
    {                                                                                              \
        BYTES(bytes), ERROR_CHUNK, "", ""                                                          \
    }
#define MORE(bytes)                                                                                \
    {                                                                                              \
        BYTES(bytes), H1_MORE, "", ""                                                              \
    }
#define EXT_60 "123456789012345678901234567890123456789012345678901234567890"

static void check(const struct sample *sample, const struct h1_head_facts *facts, size_t limit)
{
    for (unsigned way = 0; way < RIG_WAYS; way++) {
        struct rig rig;
        struct http_fields trailers;
        rig_open(&rig, sample->bytes, way);
        int verdict = rig_body(&rig, &rig_limits, facts, limit, &trailers);
        cr_expect_eq(verdict, sample->verdict, "way %u: %d, not %d: %.*s", way, verdict,
                     sample->verdict, SLICE_PRINTF(sample->bytes));
        if (verdict == H1_DONE && sample->verdict == H1_DONE) {
            while (rig_feed(&rig))
                continue;
            cr_expect(slice_equal(rig_text(&rig, &rig.out), slice_of(sample->body)), "%.*s",
                      SLICE_PRINTF(sample->bytes));
            cr_expect(slice_equal(rig_text(&rig, &rig.in), slice_of(sample->rest)), "%.*s",
                      SLICE_PRINTF(sample->bytes));
        }
        rig_close(&rig);
    }
}

static const struct h1_head_facts chunked = {.framing = H1_CHUNKED};

Test(h1_body, chunks)
{
    static const struct sample samples[] = {
        GOOD("0\r\n\r\n", "", ""),
        GOOD("5\r\nhello\r\n0\r\n\r\nGET /", "hello", "GET /"),
        GOOD("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", ""),
        GOOD("00000000000000A\r\n0123456789\r\n000\r\n\r\n", "0123456789", ""),
        GOOD("5;a=b; c=\"d;e\"\r\nhello\r\n0;last\r\n\r\n", "hello", ""),
        GOOD("1;" EXT_60 EXT_60 EXT_60 EXT_60 "1234567890123\r\nx\r\n0\r\n\r\n", "x", ""),
        BAD("1;" EXT_60 EXT_60 EXT_60 EXT_60 "1234567890123456\r\nx\r\n0\r\n\r\n"),
        BAD("1;" EXT_60 EXT_60 EXT_60 EXT_60 EXT_60),
        BAD("0000000000000005\r\nhello\r\n0\r\n\r\n"),
        BAD("ffffffffffffffff\r\n"),
        BAD("10000000000000005\r\nhello\r\n0\r\n\r\n"),
        MORE("fffffffffffffff\r\nhello"),
        BAD(" 5\r\nhello\r\n0\r\n\r\n"),
        BAD("5 \r\nhello\r\n0\r\n\r\n"),
        BAD("5 ;a\r\nhello\r\n0\r\n\r\n"),
        BAD("5\t\r\nhello\r\n0\r\n\r\n"),
        BAD("+5\r\nhello\r\n0\r\n\r\n"),
        BAD("-5\r\nhello\r\n0\r\n\r\n"),
        BAD("0x5\r\nhello\r\n0\r\n\r\n"),
        BAD("5h\r\nhello\r\n0\r\n\r\n"),
        BAD(";a\r\nhello\r\n0\r\n\r\n"),
        BAD("\r\nhello\r\n0\r\n\r\n"),
        BAD("5\nhello\r\n0\r\n\r\n"),
        BAD("5\rhello\r\n0\r\n\r\n"),
        BAD("5\r\rhello\r\n0\r\n\r\n"),
        BAD("5;a\nhello\r\n0\r\n\r\n"),
        BAD("5;a\rb\r\nhello\r\n0\r\n\r\n"),
        BAD("5;a\0b\r\nhello\r\n0\r\n\r\n"),
        BAD("5\r\nhello0\r\n\r\n"),
        BAD("5\r\nhello\n0\r\n\r\n"),
        BAD("5\r\nhello\r0\r\n\r\n"),
        BAD("5\r\nhello!\r\n0\r\n\r\n"),
        BAD("4\r\nhello\r\n0\r\n\r\n"),
        BAD("5\r\nhello\r\n\r\n0\r\n\r\n"),
        BAD("0\r\n\n"),
        BAD("0\n\n"),
        MORE("5\r\nhello\r\n0\r\n"),
        MORE("5\r\nhello\r\n0\r\n\r"),
        MORE("5\r\nhell"),
        MORE(""),
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        check(&samples[i], &chunked, SIZE_MAX);
        check(&samples[i], &chunked, 2);
    }
}

static const struct h1_head_facts response = {.framing = H1_CHUNKED, .is_response = true};

Test(h1_body, odd_chunks_of_responses)
{
    static const struct sample samples[] = {
        GOOD("5 \r\nhello\r\n0\t \r\n\r\nrest", "hello", "rest"),
        GOOD("5   \t\r\nhello\r\n0     \r\n\r\n", "hello", ""),
        GOOD("5 ;a=b\r\nhello\r\n0; c\r\n\r\n", "hello", ""),
        GOOD("0000000000000005\r\nhello\r\n000000000000000000000000\r\n\r\n", "hello", ""),
        GOOD("000000000000000000000000000000005 \r\nhello\r\n00\r\n\r\n", "hello", ""),
        MORE("0fffffffffffffff\r\nhello"),
        BAD("1000000000000000\r\n"),
        BAD("00000000001000000000000000\r\n"),
        BAD("1"
            "0000" EXT_60 EXT_60 "\r\n"),
        BAD("5 0\r\nhello\r\n0\r\n\r\n"),
        BAD("0 5\r\nhello\r\n0\r\n\r\n"),
        BAD("5 \t5\r\n"),
        BAD("5 \nhello\r\n0\r\n\r\n"),
        BAD("5 \rhello\r\n0\r\n\r\n"),
        BAD("5 x\r\nhello\r\n0\r\n\r\n"),
        BAD(" 5\r\nhello\r\n0\r\n\r\n"),
        BAD(" \r\nhello\r\n0\r\n\r\n"),
        BAD("5\x0b\r\nhello\r\n0\r\n\r\n"),
        BAD("0x5\r\nhello\r\n0\r\n\r\n"),
        GOOD("0\r\nX : a\r\n\r\nrest", "", "rest"),
        BAD("0\r\n X: a\r\n\r\n"),
        BAD("0\r\nX: a\r\n b\r\n\r\n"),
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        check(&samples[i], &response, SIZE_MAX);
        check(&samples[i], &response, 2);
    }
}

/* n bytes of c behind each other, then the rest. */
static int read_padded(char c, size_t n)
{
    struct rig rig;
    struct http_fields trailers;
    rig_open(&rig, SLICE("\r\nx\r\n0\r\n\r\n"), 0);
    chain_clear(&rig.in);
    if (c == ' ')
        chain_append(&rig.in, "1", 1);
    for (size_t i = 0; i < n; i++)
        chain_append(&rig.in, &c, 1);
    if (c == '0')
        chain_append(&rig.in, "1", 1);
    int verdict = rig_body(&rig, &rig_limits, &response, SIZE_MAX, &trailers);
    rig_close(&rig);
    return verdict;
}

Test(h1_body, padding_of_chunk_lines_is_bounded)
{
    cr_expect_eq(read_padded('0', 254), H1_DONE);
    cr_expect_eq(read_padded('0', 256), ERROR_CHUNK);
    cr_expect_eq(read_padded('0', 100000), ERROR_CHUNK);
    cr_expect_eq(read_padded(' ', 254), H1_DONE);
    cr_expect_eq(read_padded(' ', 256), ERROR_CHUNK);
}

Test(h1_body, what_a_size_line_announces)
{
    struct rig rig;
    struct http_fields trailers;
    struct h1_body_reader reader;
    static const struct h1_head_facts ten = {.framing = H1_LENGTH, .length = 10};
    rig_open(&rig, SLICE(""), 0);
    http_fields_init(&trailers, &rig.arena);
    h1_body_start(&reader, &chunked);
    chain_append_slice(&rig.in, SLICE("2\r\nhi\r\nffff"));
    cr_expect_eq(h1_read_body(&reader, &rig.in, &rig_limits,
                              &(struct h1_body_sink){&rig.out, SIZE_MAX, &trailers}),
                 H1_MORE);
    cr_expect_eq(h1_body_announced(&reader), 0, "the size may have more digits, or be none");
    chain_append_slice(&rig.in, SLICE("\r\nabc"));
    cr_expect_eq(h1_read_body(&reader, &rig.in, &rig_limits,
                              &(struct h1_body_sink){&rig.out, SIZE_MAX, &trailers}),
                 H1_MORE);
    cr_expect_eq(h1_body_announced(&reader), 0xffff - 3);
    h1_body_start(&reader, &ten);
    cr_expect_eq(h1_body_announced(&reader), 10);
    rig_close(&rig);
}

Test(h1_body, malformed_trailers)
{
    static const struct sample samples[] = {
        GOOD("0\r\nX: a\r\n\r\nrest", "", "rest"),
        BAD("0\r\nX : a\r\n\r\n"),
        BAD("0\r\nX: a\n\r\n"),
        BAD("0\r\nX: a\r\n b\r\n\r\n"),
        BAD("0\r\n X: a\r\n\r\n"),
        BAD("0\r\n: a\r\n\r\n"),
        BAD("0\r\nX\r\n\r\n"),
        BAD("0\r\nX: \0\r\n\r\n"),
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
        check(&samples[i], &chunked, SIZE_MAX);
}

Test(h1_body, trailers)
{
    static const char text[] =
        "0\r\ngrpc-status: 0\r\nContent-Length: 5\r\nHost: x\r\nAuthorization: "
        "x\r\nContent-Digest: d\r\nX-Tenant: x\r\nX_Tenant: x\r\n\r\n";
    for (unsigned way = 0; way < RIG_WAYS; way++) {
        struct rig rig;
        struct http_fields trailers;
        rig_open(&rig, slice_of(text), way);
        cr_assert_eq(rig_body(&rig, &rig_limits, &chunked, SIZE_MAX, &trailers), H1_DONE);
        cr_assert_eq(trailers.count, 2);
        cr_expect(slice_equal(trailers.items[0].name, SLICE("grpc-status")));
        cr_expect(slice_equal(trailers.items[0].value, SLICE("0")));
        cr_expect(slice_equal(trailers.items[1].name, SLICE("Content-Digest")));
        rig_close(&rig);
    }
}

Test(h1_body, trailers_are_bounded)
{
    struct h1_limits limits = {.line_max = 30, .head_max = 60, .fields_max = 3};
    static const char *const texts[] = {
        "0\r\nX: 123456789012345678901234567890\r\n\r\n",
        "0\r\nX: 12345678901234567890\r\nX: 12345678901234567890\r\nX: 1234567890\r\n\r\n",
        "0\r\nX: 1\r\nX: 1\r\nX: 1\r\nX: 1\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (unsigned way = 0; way < RIG_WAYS; way++) {
            struct rig rig;
            struct http_fields trailers;
            rig_open(&rig, slice_of(texts[i]), way);
            cr_expect_eq(rig_body(&rig, &limits, &chunked, SIZE_MAX, &trailers),
                         ERROR_HEAD_TOO_LARGE, "%s", texts[i]);
            rig_close(&rig);
        }
    }
}

Test(h1_body, other_framings)
{
    static const struct h1_head_facts none = {.framing = H1_NO_BODY};
    static const struct h1_head_facts five = {.framing = H1_LENGTH, .length = 5};
    static const struct h1_head_facts until_close = {.framing = H1_UNTIL_CLOSE};
    static const struct sample empty = GOOD("GET /", "", "GET /");
    static const struct sample exact = GOOD("helloGET /", "hello", "GET /");
    static const struct sample cut = MORE("hell");
    static const struct sample endless = MORE("hello, who knows for how long");
    check(&empty, &none, SIZE_MAX);
    check(&exact, &five, SIZE_MAX);
    check(&exact, &five, 3);
    check(&cut, &five, SIZE_MAX);
    check(&endless, &until_close, SIZE_MAX);
}

Test(h1_body, limit_is_kept)
{
    struct rig rig;
    struct http_fields trailers;
    struct h1_body_reader reader;
    static char data[50000];
    rig_open(&rig, SLICE(""), 0);
    memset(data, 'x', sizeof(data));
    chain_printf(&rig.in, "%zx\r\n", sizeof(data));
    chain_append(&rig.in, data, sizeof(data));
    chain_append_slice(&rig.in, SLICE("\r\n0\r\n\r\n"));
    http_fields_init(&trailers, &rig.arena);
    h1_body_start(&reader, &chunked);
    int verdict = H1_MORE;
    size_t expected = 0;
    while (expected < sizeof(data)) {
        size_t step = sizeof(data) - expected < 7000 ? sizeof(data) - expected : 7000;
        expected += step;
        cr_assert_eq(verdict, H1_MORE);
        verdict = h1_read_body(&reader, &rig.in, &rig_limits,
                               &(struct h1_body_sink){&rig.out, 7000, &trailers});
        cr_assert_eq(rig.out.len, expected);
    }
    cr_expect_eq(verdict, H1_DONE);
    cr_expect(slice_equal(rig_text(&rig, &rig.out), (struct slice){data, sizeof(data)}));
    rig_close(&rig);
}
