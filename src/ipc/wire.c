/* SPDX-License-Identifier: MIT */
/* Typed put and get of the bytes of messages and bundles. */
#include "ipc/wire.h"

#include "base/error.h"
#include "base/memory.h"

#include <assert.h>
#include <unistd.h>

#define WIRE_FIRST          128 /* bytes of the first allocation */
#define WIRE_DESCRIPTOR_MAX (1 << 20)

void wire_writer_init(struct wire_writer *writer)
{
    *writer = (struct wire_writer){0};
}

void wire_writer_free(struct wire_writer *writer)
{
    if (writer->data)
        memory_wipe_free(writer->data, writer->capacity);
    *writer = (struct wire_writer){0};
}

/* realloc(3) would leave the old bytes behind, and they may be a key. */
static void wire_grow(struct wire_writer *writer, size_t more)
{
    size_t capacity = writer->capacity ? writer->capacity : WIRE_FIRST;
    unsigned char *data;

    if (more > SIZE_MAX / 4 - writer->len)
        memory_exhausted(more);
    while (capacity < writer->len + more)
        capacity *= 2;
    data = memory_alloc(capacity);
    if (writer->len > 0)
        memcpy(data, writer->data, writer->len);
    if (writer->data)
        memory_wipe_free(writer->data, writer->capacity);
    writer->data = data;
    writer->capacity = capacity;
}

static void wire_put(struct wire_writer *writer, const void *data, size_t size)
{
    if (size == 0)
        return;
    if (size > writer->capacity - writer->len)
        wire_grow(writer, size);
    memcpy(writer->data + writer->len, data, size);
    writer->len += size;
}

void wire_put_u8(struct wire_writer *writer, uint8_t value)
{
    wire_put(writer, &value, sizeof(value));
}

void wire_put_u32(struct wire_writer *writer, uint32_t value)
{
    wire_put(writer, &value, sizeof(value));
}

void wire_put_u64(struct wire_writer *writer, uint64_t value)
{
    wire_put(writer, &value, sizeof(value));
}

void wire_put_bool(struct wire_writer *writer, bool value)
{
    wire_put_u8(writer, value);
}

void wire_put_slice(struct wire_writer *writer, struct slice value)
{
    assert(value.len <= UINT32_MAX);
    wire_put_u32(writer, (uint32_t)value.len);
    wire_put(writer, value.data, value.len);
}

void wire_put_text(struct wire_writer *writer, const char *text)
{
    wire_put_bool(writer, text);
    if (text)
        wire_put_slice(writer, slice_of(text));
}

void wire_put_descriptor(struct wire_writer *writer, int fd)
{
    wire_put_u32(writer, (uint32_t)fd);
}

struct slice wire_written(const struct wire_writer *writer)
{
    return (struct slice){(const char *)writer->data, writer->len};
}

void wire_reader_init(struct wire_reader *reader, struct slice bytes)
{
    reader->rest = bytes;
    reader->failed = false;
}

/* The next size bytes; NULL when they are not there, and from then on always. */
static const char *wire_take(struct wire_reader *reader, size_t size)
{
    const char *data = reader->rest.data;

    if (reader->failed || size > reader->rest.len) {
        reader->failed = true;
        return NULL;
    }
    reader->rest.data += size;
    reader->rest.len -= size;
    return data;
}

static void wire_get(struct wire_reader *reader, void *value, size_t size)
{
    const char *data = wire_take(reader, size);

    if (data)
        memcpy(value, data, size);
}

uint8_t wire_get_u8(struct wire_reader *reader)
{
    uint8_t value = 0;

    wire_get(reader, &value, sizeof(value));
    return value;
}

uint32_t wire_get_u32(struct wire_reader *reader)
{
    uint32_t value = 0;

    wire_get(reader, &value, sizeof(value));
    return value;
}

uint64_t wire_get_u64(struct wire_reader *reader)
{
    uint64_t value = 0;

    wire_get(reader, &value, sizeof(value));
    return value;
}

bool wire_get_bool(struct wire_reader *reader)
{
    uint8_t value = wire_get_u8(reader);

    wire_require(reader, value <= 1);
    return value == 1;
}

struct slice wire_get_slice(struct wire_reader *reader)
{
    size_t len = wire_get_u32(reader);
    const char *data;

    if (reader->failed || len == 0)
        return (struct slice){NULL, 0};
    data = wire_take(reader, len);
    return data ? (struct slice){data, len} : (struct slice){NULL, 0};
}

struct slice wire_get_plain(struct wire_reader *reader)
{
    struct slice slice = wire_get_slice(reader);

    wire_require(reader, !slice_has(slice, '\0'));
    return reader->failed ? (struct slice){0} : slice;
}

char *wire_get_text(struct wire_reader *reader)
{
    return wire_get_bool(reader) ? memory_slice_text(wire_get_plain(reader)) : NULL;
}

int wire_get_descriptor(struct wire_reader *reader)
{
    uint32_t value = wire_get_u32(reader);

    if (value == UINT32_MAX)
        return -1;
    wire_require(reader, value > STDERR_FILENO && value <= WIRE_DESCRIPTOR_MAX);
    return reader->failed ? -1 : (int)value;
}

uint32_t wire_get_count(struct wire_reader *reader, size_t min_size)
{
    uint32_t count = wire_get_u32(reader);

    wire_require(reader, min_size == 0 || count <= reader->rest.len / min_size);
    return reader->failed ? 0 : count;
}

int wire_finish(const struct wire_reader *reader)
{
    return reader->failed || reader->rest.len > 0 ? ERROR_IPC : 0;
}
