/* SPDX-License-Identifier: MIT */
/* Writing and reading bytes of messages, the cut and the hostile ones included. */
#include "ipc/wire.h"

#include "base/error.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void fill(struct wire_writer *writer)
{
    wire_writer_init(writer);
    wire_put_u8(writer, 7);
    wire_put_u32(writer, 0xdeadbeef);
    wire_put_u64(writer, UINT64_MAX);
    wire_put_slice(writer, SLICE("hello"));
    wire_put_slice(writer, SLICE(""));
}

Test(wire, reads_what_was_written)
{
    struct wire_writer writer;
    struct wire_reader reader;

    fill(&writer);
    wire_reader_init(&reader, wire_written(&writer));
    cr_assert_eq(wire_get_u8(&reader), 7);
    cr_assert_eq(wire_get_u32(&reader), 0xdeadbeef);
    cr_assert_eq(wire_get_u64(&reader), UINT64_MAX);
    cr_assert(slice_equal(wire_get_slice(&reader), SLICE("hello")));
    cr_assert_eq(wire_get_slice(&reader).len, 0);
    cr_assert_eq(wire_finish(&reader), 0);
    wire_writer_free(&writer);
}

Test(wire, every_cut_fails_and_none_reads_past_the_end)
{
    struct wire_writer writer;

    fill(&writer);
    for (size_t len = 0; len < wire_written(&writer).len; len++) {
        char *copy = malloc(len ? len : 1); /* exact: the sanitizer sees a byte too far */
        struct wire_reader reader;

        memcpy(copy, wire_written(&writer).data, len);
        wire_reader_init(&reader, (struct slice){copy, len});
        wire_get_u8(&reader);
        wire_get_u32(&reader);
        wire_get_u64(&reader);
        wire_get_slice(&reader);
        wire_get_slice(&reader);
        cr_assert_eq(wire_finish(&reader), ERROR_IPC);
        free(copy);
    }
    wire_writer_free(&writer);
}

Test(wire, bytes_left_over_are_an_error)
{
    struct wire_reader reader;

    wire_reader_init(&reader, SLICE("xy"));
    wire_get_u8(&reader);
    cr_assert_eq(wire_finish(&reader), ERROR_IPC);
}

Test(wire, after_a_failure_everything_is_empty)
{
    struct wire_reader reader;

    wire_reader_init(&reader, SLICE("\xff\xff\xff\xff"
                                    "abcdefgh"));
    cr_assert_eq(wire_get_slice(&reader).len, 0);
    cr_assert_eq(wire_get_u64(&reader), 0);
    cr_assert(reader.failed);
    cr_assert_eq(wire_finish(&reader), ERROR_IPC);
}

Test(wire, a_count_must_fit_what_is_there)
{
    struct wire_writer writer;
    struct wire_reader reader;

    wire_writer_init(&writer);
    wire_put_u32(&writer, 3);
    wire_put_u64(&writer, 0);
    wire_put_u64(&writer, 0);
    wire_reader_init(&reader, wire_written(&writer));
    cr_assert_eq(wire_get_count(&reader, 5), 3);
    wire_reader_init(&reader, wire_written(&writer));
    cr_assert_eq(wire_get_count(&reader, 8), 0);
    cr_assert(reader.failed);
    wire_writer_free(&writer);
}

Test(wire, grows_over_many_pieces)
{
    struct wire_writer writer;
    struct wire_reader reader;

    wire_writer_init(&writer);
    for (uint32_t i = 0; i < 10000; i++)
        wire_put_u32(&writer, i);
    wire_reader_init(&reader, wire_written(&writer));
    for (uint32_t i = 0; i < 10000; i++)
        cr_assert_eq(wire_get_u32(&reader), i);
    cr_assert_eq(wire_finish(&reader), 0);
    wire_writer_free(&writer);
}

/* The absent text is not the empty one. */
Test(wire, texts_and_descriptors)
{
    struct wire_writer writer;
    struct wire_reader reader;
    char *text;

    wire_writer_init(&writer);
    wire_put_text(&writer, NULL);
    wire_put_text(&writer, "");
    wire_put_text(&writer, "hello");
    wire_put_bool(&writer, true);
    wire_put_descriptor(&writer, -1);
    wire_put_descriptor(&writer, 3);
    wire_reader_init(&reader, wire_written(&writer));
    cr_assert_null(wire_get_text(&reader));
    text = wire_get_text(&reader);
    cr_assert_str_eq(text, "");
    free(text);
    text = wire_get_text(&reader);
    cr_assert_str_eq(text, "hello");
    free(text);
    cr_assert(wire_get_bool(&reader));
    cr_assert_eq(wire_get_descriptor(&reader), -1);
    cr_assert_eq(wire_get_descriptor(&reader), 3);
    cr_assert_eq(wire_finish(&reader), 0);
    wire_writer_free(&writer);
}

static void get_bool(struct wire_reader *reader)
{
    (void)wire_get_bool(reader);
}

static void get_plain(struct wire_reader *reader)
{
    cr_assert_eq(wire_get_plain(reader).len, 0);
}

static void get_descriptor(struct wire_reader *reader)
{
    cr_assert_eq(wire_get_descriptor(reader), -1);
}

static void check_refused(struct wire_writer *writer, void (*get)(struct wire_reader *reader))
{
    struct wire_reader reader;

    wire_reader_init(&reader, wire_written(writer));
    get(&reader);
    cr_assert(reader.failed);
    wire_writer_free(writer);
}

Test(wire, what_is_none_is_refused)
{
    struct wire_writer writer;

    wire_writer_init(&writer);
    wire_put_u8(&writer, 2);
    check_refused(&writer, get_bool);
    wire_put_slice(&writer, SLICE("a\0b"));
    check_refused(&writer, get_plain);
    wire_put_descriptor(&writer, 2);
    check_refused(&writer, get_descriptor);
    wire_put_descriptor(&writer, 1 << 30);
    check_refused(&writer, get_descriptor);
}
