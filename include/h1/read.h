/* SPDX-License-Identifier: MIT */
/* The reading half of HTTP/1 (RFC 9112): chains of bytes in, heads and body bytes out. Pure: no
 * socket, no clock. Ambiguity is an error, never a guess. */
#ifndef H1_READ_H
#define H1_READ_H

#include "base/chain.h"
#include "base/error.h"
#include "http/message.h"

enum h1_verdict {
    H1_MORE, /* needs more bytes */
    H1_DONE  /* complete; the bytes behind it are left in the chain */
    /* or a negative enum error */
};

struct h1_limits {
    uint32_t line_max;   /* bytes of a request line or one field line; 8 KiB */
    uint32_t head_max;   /* bytes of the whole head; 32 KiB */
    uint32_t fields_max; /* number of fields; 100 */
};

/* How the body that follows a head is delimited (RFC 9112 section 6.3). */
enum h1_framing { H1_NO_BODY, H1_LENGTH, H1_CHUNKED, H1_UNTIL_CLOSE };

/* State of one head being read; zeroed before the first byte, and by the reader once a head is
 * complete. It remembers how far it has looked, so that a trickling peer costs linear time. */
struct h1_head_reader {
    size_t scanned; /* bytes of the chain that were looked at */
    uint32_t line_start;
    uint32_t lines;
    uint32_t blank; /* CRLF before the request line; at most 2 (RFC 9112 section 2.2) */
};

/* What a head says about the connection and the body, besides the message itself. */
struct h1_head_facts {
    enum h1_framing framing;
    int64_t length;    /* H1_LENGTH */
    bool keep_alive;   /* the sender would keep the connection (RFC 9112 section 9.3) */
    bool is_response;  /* whose body may be odd, see h1_read_body */
    size_t head_bytes; /* that the head took */
};

/* Where a request head goes. */
struct h1_request_sink {
    struct arena *arena; /* of everything in *request */
    struct http_request *request;
    struct h1_head_facts *facts;
};

/* Where a response head goes. */
struct h1_response_sink {
    struct arena *arena; /* of everything in *response */
    struct http_response *response;
    struct h1_head_facts *facts;
};

/* Where a body goes. */
struct h1_body_sink {
    struct chain *bytes;
    size_t room;                  /* how many more of them are taken */
    struct http_fields *trailers; /* those that may be forwarded; must have its arena */
};

/* Reads a request head out of the chain.
 * Returns a verdict, or ERROR_REQUEST_LINE, _FIELD, _TARGET, _HOST, _LENGTH, _CODING,
 * _HTTP_VERSION, _METHOD (CONNECT), _TARGET_TOO_LONG or _HEAD_TOO_LARGE. A bare LF or CR, NUL,
 * white space before a colon, obs-fold, CL with TE, repeated or malformed CL, TE other than exactly
 * one final `chunked`, TE in HTTP/1.0, a missing, repeated or malformed Host are errors.
 * ERROR_CODING is for other codings below one final `chunked`; every other Transfer-Encoding is
 * ERROR_LENGTH. An absolute-form's authority replaces Host, in the fields too. After an error the
 * connection cannot be read further. */
int h1_read_request(struct h1_head_reader *reader, struct chain *in, const struct h1_limits *limits,
                    const struct h1_request_sink *sink);

/* Reads a response head. method: of the request that it answers. A body of length 0 is H1_NO_BODY.
 * Returns a verdict, ERROR_RESPONSE or ERROR_RESPONSE_TOO_LARGE. What is odd but means one thing to
 * every reader is taken, for servers cannot be helped by their clients' 502:
 *  - white space before a field's colon, which is removed (RFC 9112 section 5.1);
 *  - Content-Length several times, in a list or in fields, with one value (RFC 9112 section 6.3);
 *  - `Transfer-Encoding: chunked` in HTTP/1.0: not kept alive then (RFC 9112 section 6.1);
 *  - Content-Length and Transfer-Encoding in a 101, whatever they say: there is no body;
 *  - any status of three digits from 100 on; more white space around it than one space each (RFC
 *    9112 section 4); a minor version above 1, which is taken for 1.1.
 * Errors as in a request: Content-Length with Transfer-Encoding, or with several values; every
 * Transfer-Encoding but `chunked`; a bare LF or CR, NUL, obs-fold, a line without a colon; bytes
 * before the status line, empty lines too: they may belong to an earlier response. */
int h1_read_response(struct h1_head_reader *reader, struct chain *in,
                     const struct h1_limits *limits, enum http_method method,
                     const struct h1_response_sink *sink);

/* State of one body being read. */
struct h1_body_reader {
    enum h1_framing framing;
    uint64_t left; /* of the length, or of this chunk */
    uint8_t state; /* inside the chunk grammar */
    bool is_response;
    uint32_t line; /* bytes of this chunk line or of all trailer lines */
    struct h1_head_reader trailer;
};

void h1_body_start(struct h1_body_reader *reader, const struct h1_head_facts *facts);

/* How many bytes must come next before the body can end: the rest of its length or of a chunk whose
 * size has been read. */
uint64_t h1_body_announced(const struct h1_body_reader *reader);

/* Moves body bytes from `in` to the sink (decoded, not copied). Returns a verdict or ERROR_CHUNK,
 * ERROR_HEAD_TOO_LARGE (trailers). H1_UNTIL_CLOSE is never done: the stream's end is its end. Chunk
 * lines are at most 256 bytes with extensions, sizes at most 15 hexadecimal digits, trailers at
 * most limits->head_max bytes. In a response, zeros before a size's digits, white space behind
 * them, and white space before a trailer's colon are taken. */
int h1_read_body(struct h1_body_reader *reader, struct chain *in, const struct h1_limits *limits,
                 struct h1_body_sink *sink);

#endif
