/* SPDX-License-Identifier: MIT */
/* Bodies: the chunk grammar (RFC 9112 section 7.1) is read in place, body bytes move. */
#include "head_internal.h"

#include "http/characters.h"

/* Bytes of a chunk line without CRLF, with its extensions. */
#define CHUNK_LINE_MAX 256
/* 60 bits: no sum of a body comes near overflow. */
#define CHUNK_DIGITS_MAX 15

enum body_state {
    BODY_SIZE,      /* the digits of a chunk's size; reader->line of them were read */
    BODY_BLANK,     /* a response: white space behind the size */
    BODY_EXTENSION, /* behind the size, up to CR */
    BODY_SIZE_LF,
    BODY_DATA,
    BODY_DATA_CR, /* the CRLF behind a chunk's data */
    BODY_DATA_LF,
    BODY_TRAILER,
    BODY_DONE
};

void h1_body_start(struct h1_body_reader *reader, const struct h1_head_facts *facts)
{
    *reader = (struct h1_body_reader){
        .framing = facts->framing,
        .left = facts->framing == H1_LENGTH ? (uint64_t)facts->length : 0,
        .state = facts->framing == H1_CHUNKED ? BODY_SIZE : BODY_DATA,
        .is_response = facts->is_response,
    };
}

uint64_t h1_body_announced(const struct h1_body_reader *reader)
{
    return reader->state == BODY_DATA ? reader->left : 0;
}

/* What ends a chunk's size. White space before it is BWS, "bad" (RFC 9112 section 7.1.1): no client
 * needs it, and parsers differ about it; old servers that pad a size to a fixed width send it. */
static bool end_size(struct h1_body_reader *reader, char c)
{
    if (reader->is_response && h1_is_blank(c))
        reader->state = BODY_BLANK;
    else if (c == ';')
        reader->state = BODY_EXTENSION;
    else if (c == '\r')
        reader->state = BODY_SIZE_LF;
    else
        return false;
    return ++reader->line <= CHUNK_LINE_MAX;
}

/* A byte of a chunk's size or of what may stand behind it. */
static bool step_size(struct h1_body_reader *reader, char c)
{
    int digit = http_hex_digit(c);
    if (digit < 0)
        return reader->line > 0 && end_size(reader, c);
    if (reader->left >> (4 * (CHUNK_DIGITS_MAX - 1)) != 0)
        return false;
    reader->left = reader->left << 4 | (uint64_t)digit;
    /* Leading zeros of a request count as digits. */
    return ++reader->line <= (reader->is_response ? CHUNK_LINE_MAX : CHUNK_DIGITS_MAX);
}

static bool step_extension(struct h1_body_reader *reader, char c)
{
    if (c == '\r') {
        reader->state = BODY_SIZE_LF;
        return true;
    }
    return http_char_is(c, HTTP_CHAR_VALUE) && ++reader->line <= CHUNK_LINE_MAX;
}

/* One byte of the grammar around the data. */
static bool step(struct h1_body_reader *reader, char c)
{
    switch ((enum body_state)reader->state) {
    case BODY_SIZE:
        return step_size(reader, c);
    case BODY_BLANK:
        return end_size(reader, c);
    case BODY_EXTENSION:
        return step_extension(reader, c);
    case BODY_SIZE_LF:
        reader->line = 0;
        reader->state = reader->left > 0 ? BODY_DATA : BODY_TRAILER;
        return c == '\n';
    case BODY_DATA_CR:
        reader->state = BODY_DATA_LF;
        return c == '\r';
    case BODY_DATA_LF:
        reader->state = BODY_SIZE;
        return c == '\n';
    case BODY_DATA:
    case BODY_TRAILER:
    case BODY_DONE:
        break;
    }
    return false;
}

static bool is_grammar(uint8_t state)
{
    return state != BODY_DATA && state != BODY_TRAILER && state != BODY_DONE;
}

/* Reads bytes of the grammar up to data, trailers or the end of the chain. */
static int read_grammar(struct h1_body_reader *reader, struct chain *in)
{
    while (in->len > 0 && is_grammar(reader->state)) {
        struct slice run = chain_first(in);
        size_t used = 0;
        while (used < run.len && is_grammar(reader->state)) {
            if (!step(reader, run.data[used]))
                return ERROR_CHUNK;
            used++;
        }
        chain_consume(in, used);
    }
    return 0;
}

/* RFC 9110 section 6.5: the ones that may not be forwarded are dropped, not merged. */
static int read_trailers(struct h1_body_reader *reader, struct chain *in,
                         const struct h1_limits *limits, struct http_fields *trailers)
{
    size_t len = 0;
    switch (h1_head_scan(&reader->trailer, in, limits, HEAD_OF_TRAILERS, &len)) {
    case SCAN_MORE:
        return H1_MORE;
    case SCAN_BAD_BYTE:
        return ERROR_CHUNK;
    case SCAN_LINE_TOO_LONG:
    case SCAN_HEAD_TOO_LARGE:
        return ERROR_HEAD_TOO_LARGE;
    case SCAN_COMPLETE:
        break;
    }
    reader->state = BODY_DONE;
    if (len == 2) {
        chain_consume(in, len);
        return H1_DONE;
    }
    struct slice rest = h1_head_take(in, trailers->arena, len);
    struct slice line;
    while (h1_head_line(&rest, &line)) {
        struct head_field field;
        if (!h1_field_split(line, reader->is_response, &field))
            return ERROR_CHUNK;
        http_fields_add(trailers, field.name, field.value);
        if (!http_is_trailer(&trailers->items[trailers->count - 1]))
            trailers->count--;
    }
    return H1_DONE;
}

/* Moves what may be moved; returns how much. */
static size_t move_data(struct chain *in, struct h1_body_sink *sink, uint64_t left)
{
    size_t len = in->len < sink->room ? in->len : sink->room;
    if (len > left)
        len = (size_t)left;
    if (len > 0)
        chain_move(sink->bytes, in, len);
    sink->room -= len;
    return len;
}

static int read_chunked(struct h1_body_reader *reader, struct chain *in,
                        const struct h1_limits *limits, struct h1_body_sink *sink)
{
    for (;;) {
        int error = read_grammar(reader, in);
        if (error != 0)
            return error;
        if (reader->state == BODY_DONE)
            return H1_DONE;
        if (reader->state == BODY_TRAILER)
            return read_trailers(reader, in, limits, sink->trailers);
        if (reader->state != BODY_DATA)
            return H1_MORE;
        reader->left -= move_data(in, sink, reader->left);
        if (reader->left > 0)
            return H1_MORE;
        reader->state = BODY_DATA_CR;
    }
}

int h1_read_body(struct h1_body_reader *reader, struct chain *in, const struct h1_limits *limits,
                 struct h1_body_sink *sink)
{
    switch (reader->framing) {
    case H1_NO_BODY:
        return H1_DONE;
    case H1_LENGTH:
        reader->left -= move_data(in, sink, reader->left);
        return reader->left == 0 ? H1_DONE : H1_MORE;
    case H1_CHUNKED:
        return read_chunked(reader, in, limits, sink);
    case H1_UNTIL_CLOSE:
        break;
    }
    move_data(in, sink, UINT64_MAX);
    return H1_MORE;
}
