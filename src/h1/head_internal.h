/* SPDX-License-Identifier: MIT */
/* What request heads, response heads and trailers have in common. */
#ifndef H1_HEAD_INTERNAL_H
#define H1_HEAD_INTERNAL_H

#include "h1/read.h"

enum head_kind { HEAD_OF_REQUEST, HEAD_OF_RESPONSE, HEAD_OF_TRAILERS };

enum head_scan {
    SCAN_MORE,
    SCAN_COMPLETE,
    SCAN_BAD_BYTE, /* a control byte, a bare CR or LF, too many blank lines; the first line of a
                      request is none */
    SCAN_LINE_TOO_LONG,  /* reader->lines tells which */
    SCAN_HEAD_TOO_LARGE, /* in bytes or in fields */
};

/* Looks for the empty line that ends a head. The verdict does not depend on how the bytes were
 * split. SCAN_COMPLETE sets *len to the bytes of the head with its last CRLF. */
enum head_scan h1_head_scan(struct h1_head_reader *reader, struct chain *in,
                            const struct h1_limits *limits, enum head_kind kind, size_t *len);

/* Takes the scanned head out of the chain, into the arena. */
struct slice h1_head_take(struct chain *in, struct arena *arena, size_t len);

/* The next line of a scanned head, without CRLF. Returns false at the empty one. */
bool h1_head_line(struct slice *rest, struct slice *line);

/* The fields that decide about framing, as they were found. */
struct head_framing {
    unsigned lengths;    /* Content-Length fields */
    unsigned codings;    /* Transfer-Encoding fields */
    bool lengths_differ; /* in their text */
    struct slice length; /* the last ones */
    struct slice coding;
};

/* OWS of RFC 9110 section 5.6.3. */
static inline bool h1_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A field line. */
struct head_field {
    struct slice name;
    struct slice value;
};

/* Splits `name: value`. Returns false for obs-fold, an empty name, or anything but a colon behind
 * the name (RFC 9112 section 5.1); in a response, white space before the colon is removed. */
bool h1_field_split(struct slice line, bool is_response, struct head_field *field);

/* Reads all field lines; those of framing go to *framing only. Returns false as above. */
bool h1_head_fields(struct slice rest, bool is_response, struct http_fields *fields,
                    struct head_framing *framing);

/* The Content-Length (RFC 9110 section 8.6): digits only, below 2^63. Returns false otherwise. */
bool h1_length_parse(struct slice text, int64_t *length);

/* Whether the connection persists (RFC 9112 section 9.3). */
bool h1_is_persistent(const struct http_fields *fields, enum http_version version);

#endif
