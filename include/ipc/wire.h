/* SPDX-License-Identifier: MIT */
/* The bytes of messages and bundles: typed put and get, lengths checked, host byte order (both
 * ends are the same binary on the same host). */
#ifndef IPC_WIRE_H
#define IPC_WIRE_H

#include "base/arena.h"

/* Grows as needed. Owned by its user; wiped when freed, since it may hold keys. */
struct wire_writer {
    unsigned char *data;
    size_t len;
    size_t capacity;
};

void wire_writer_init(struct wire_writer *writer);
void wire_writer_free(struct wire_writer *writer);
void wire_put_u8(struct wire_writer *writer, uint8_t value);
void wire_put_u32(struct wire_writer *writer, uint32_t value);
void wire_put_u64(struct wire_writer *writer, uint64_t value);
void wire_put_bool(struct wire_writer *writer, bool value);
void wire_put_slice(struct wire_writer *writer, struct slice value); /* u32 length, bytes */
void wire_put_text(struct wire_writer *writer, const char *text);    /* may be NULL */
void wire_put_descriptor(struct wire_writer *writer, int fd);        /* its number; -1: none */
struct slice wire_written(const struct wire_writer *writer);

/* Reads what was put, in the same order. After the first failure every get returns 0 or empty, so
 * that one check at the end is enough. */
struct wire_reader {
    struct slice rest;
    bool failed;
};

void wire_reader_init(struct wire_reader *reader, struct slice bytes);

/* What was read must be so, or reading has failed. */
static inline void wire_require(struct wire_reader *reader, bool is_so)
{
    reader->failed = reader->failed || !is_so;
}

uint8_t wire_get_u8(struct wire_reader *reader);
uint32_t wire_get_u32(struct wire_reader *reader);
uint64_t wire_get_u64(struct wire_reader *reader);
bool wire_get_bool(struct wire_reader *reader);
struct slice wire_get_slice(struct wire_reader *reader); /* points into the bytes */
/* The same, of what may become a text of C: it fails when there is a NUL in it. */
struct slice wire_get_plain(struct wire_reader *reader);
char *wire_get_text(struct wire_reader *reader); /* NULL, or the caller's to free */
/* Fails for one of the three standard ones. */
int wire_get_descriptor(struct wire_reader *reader);
/* A count of things that take at least min_size bytes each; fails when they cannot be there. */
uint32_t wire_get_count(struct wire_reader *reader, size_t min_size);
/* Everything was read and nothing failed. Returns 0 or ERROR_IPC. */
int wire_finish(const struct wire_reader *reader);

#endif
