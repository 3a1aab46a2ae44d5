/* SPDX-License-Identifier: MIT */
/* Finds the end of a head byte by byte as it comes, then splits it into lines and fields. */
#include "head_internal.h"

#include "http/characters.h"

/* Bytes looked at at once behind the first run of a chain. */
#define PEEK_SIZE 1024
/* RFC 9112 section 2.2 lets a server skip an empty line; some clients send two. */
#define BLANK_MAX 2

/* The unread bytes from an offset on: the first run as it lies, later ones by copy, since a head
 * rarely spans runs. */
static struct slice window_at(const struct chain *in, size_t offset, char copy[PEEK_SIZE])
{
    struct slice first = chain_first(in);
    if (offset < first.len)
        return slice_from(first, offset);
    size_t len = in->len - offset;
    if (len > PEEK_SIZE)
        len = PEEK_SIZE;
    chain_peek(in, offset, copy, len);
    return (struct slice){copy, len};
}

/* The limit that is broken first when the bytes before `end` all belong to the current line. */
static enum head_scan check_limits(const struct h1_head_reader *reader,
                                   const struct h1_limits *limits, size_t end)
{
    size_t line_end = (size_t)reader->line_start + limits->line_max;
    if (end > line_end && line_end < limits->head_max)
        return SCAN_LINE_TOO_LONG;
    return end > limits->head_max ? SCAN_HEAD_TOO_LARGE : SCAN_MORE;
}

/* Whether a line that ends there, with its CRLF, ends as a request line does (RFC 9112 section 3):
 * what speaks another protocol by lines hears so at once, not when the head's time is over. */
static bool ends_request_line(const struct chain *in, size_t end)
{
    char text[11];
    if (end < sizeof(text))
        return false;
    chain_peek(in, end - sizeof(text), text, sizeof(text));
    return memcmp(text, " HTTP/", 6) == 0 && text[7] == '.';
}

/* A line ended at `end`, with its CRLF. Returns SCAN_MORE when the head goes on. */
static enum head_scan end_line(struct h1_head_reader *reader, struct chain *in,
                               const struct h1_limits *limits, enum head_kind kind, size_t end)
{
    bool is_blank = end - reader->line_start == 2;
    if (is_blank && reader->lines == 0 && kind != HEAD_OF_TRAILERS) {
        if (kind == HEAD_OF_RESPONSE || reader->blank == BLANK_MAX)
            return SCAN_BAD_BYTE;
        reader->blank++;
        chain_consume(in, 2);
        reader->scanned = 0;
        return SCAN_MORE;
    }
    if (end > limits->head_max)
        return SCAN_HEAD_TOO_LARGE;
    if (kind == HEAD_OF_REQUEST && reader->lines == 0 && !ends_request_line(in, end))
        return SCAN_BAD_BYTE;
    if (is_blank)
        return SCAN_COMPLETE;
    uint32_t first_lines = kind == HEAD_OF_TRAILERS ? 0 : 1;
    if (reader->lines >= limits->fields_max + first_lines)
        return SCAN_HEAD_TOO_LARGE;
    reader->lines++;
    reader->line_start = (uint32_t)end;
    reader->scanned = end;
    return SCAN_MORE;
}

/* A method is a token; an empty line may come before it. */
static bool may_begin_request(char byte)
{
    return http_char_is(byte, HTTP_CHAR_TOKEN) || byte == '\r';
}

enum head_scan h1_head_scan(struct h1_head_reader *reader, struct chain *in,
                            const struct h1_limits *limits, enum head_kind kind, size_t *len)
{
    char copy[PEEK_SIZE];
    while (reader->scanned < in->len) {
        struct slice window = window_at(in, reader->scanned, copy);
        if (kind == HEAD_OF_REQUEST && reader->scanned == 0 && !may_begin_request(window.data[0]))
            return SCAN_BAD_BYTE;
        size_t base = reader->scanned;
        size_t stop = http_find_control(window.data, window.len);
        size_t end = base + stop;
        enum head_scan verdict = check_limits(reader, limits, end);
        if (verdict != SCAN_MORE)
            return verdict;
        reader->scanned = end;
        if (stop == window.len)
            continue;
        if (window.data[stop] != '\r')
            return SCAN_BAD_BYTE;
        if (end + 1 == in->len)
            return SCAN_MORE; /* the CR is looked at again with what follows it */
        char next;
        if (stop + 1 < window.len)
            next = window.data[stop + 1];
        else
            chain_peek(in, end + 1, &next, 1);
        if (next != '\n')
            return SCAN_BAD_BYTE;
        verdict = end_line(reader, in, limits, kind, end + 2);
        if (verdict == SCAN_COMPLETE)
            *len = end + 2;
        if (verdict != SCAN_MORE)
            return verdict;
    }
    return SCAN_MORE;
}

struct slice h1_head_take(struct chain *in, struct arena *arena, size_t len)
{
    char *text = arena_alloc(arena, len);
    chain_peek(in, 0, text, len);
    chain_consume(in, len);
    return (struct slice){text, len};
}

bool h1_head_line(struct slice *rest, struct slice *line)
{
    const char *feed = memchr(rest->data, '\n', rest->len);
    if (!feed)
        return false;
    size_t len = (size_t)(feed - rest->data);
    *line = slice_head(*rest, len - 1);
    *rest = slice_from(*rest, len + 1);
    return line->len > 0;
}

bool h1_field_split(struct slice line, bool is_response, struct head_field *field)
{
    size_t colon = 0;
    while (colon < line.len && http_char_is(line.data[colon], HTTP_CHAR_TOKEN))
        colon++;
    field->name = slice_head(line, colon);
    while (is_response && colon < line.len && h1_is_blank(line.data[colon]))
        colon++;
    if (field->name.len == 0 || colon == line.len || line.data[colon] != ':')
        return false;
    field->value = slice_trim(slice_from(line, colon + 1));
    return true;
}

bool h1_head_fields(struct slice rest, bool is_response, struct http_fields *fields,
                    struct head_framing *framing)
{
    struct slice line;
    *framing = (struct head_framing){0};
    while (h1_head_line(&rest, &line)) {
        struct head_field field;
        if (!h1_field_split(line, is_response, &field))
            return false;
        http_fields_add(fields, field.name, field.value);
        enum http_field_id id = fields->items[fields->count - 1].id;
        if (id == FIELD_CONTENT_LENGTH) {
            framing->lengths_differ |=
                framing->lengths > 0 && !slice_equal(framing->length, field.value);
            framing->lengths++;
            framing->length = field.value;
            fields->count--;
        } else if (id == FIELD_TRANSFER_ENCODING) {
            framing->codings++;
            framing->coding = field.value;
            fields->count--;
        }
    }
    return true;
}

bool h1_length_parse(struct slice text, int64_t *length)
{
    uint64_t value;
    if (slice_to_u64(text, INT64_MAX, &value) != 0)
        return false;
    *length = (int64_t)value;
    return true;
}

bool h1_is_persistent(const struct http_fields *fields, enum http_version version)
{
    if (http_fields_has_token(fields, FIELD_CONNECTION, SLICE("close")))
        return false;
    return version >= HTTP_1_1 ||
           http_fields_has_token(fields, FIELD_CONNECTION, SLICE("keep-alive"));
}
