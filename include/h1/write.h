/* SPDX-License-Identifier: MIT */
/* The writing half of HTTP/1: heads, chunks and trailers as bytes at a chain's end. What is
 * written is unambiguous: exactly one of Content-Length and Transfer-Encoding, or neither. */
#ifndef H1_WRITE_H
#define H1_WRITE_H

#include "base/chain.h"
#include "h1/read.h"

/* Writes `METHOD target HTTP/1.1`, Host, the fields, and the framing that fits
 * request->content_length: none for 0 (but `Content-Length: 0` if the client sent that, and for
 * methods that expect a body: POST, PUT, PATCH), Content-Length, or chunked. An Upgrade is written
 * with its Connection. Host is request->authority; Host, framing and hop-by-hop fields of the list
 * are not written, nor any field whose name is no token or whose value has a control byte.
 * method_text must be a token. Returns the framing of the body. */
enum h1_framing h1_write_request(struct chain *out, const struct http_request *request);

struct h1_response_options {
    enum http_version version; /* of the client: 1.0 gets no chunks and no 1xx */
    enum http_method method;   /* HEAD gets the head only */
    bool keep_alive;           /* what we offer; `Connection: close` or `keep-alive` as needed */
};

/* Writes a response head; for 101 with Connection and the Upgrade that is in its fields. Other
 * hop-by-hop fields are not written. An empty reason is replaced by the status's own. Adds Date
 * when it is absent (now: seconds since 1970). Returns how the body must be framed; H1_UNTIL_CLOSE
 * means that the connection cannot be kept, and `Connection: close` was written. */
enum h1_framing h1_write_response(struct chain *out, const struct http_response *response,
                                  const struct h1_response_options *options, int64_t now);

/* Frames and moves body bytes: as they are, or as one chunk. Nothing for no bytes. With H1_NO_BODY
 * they are dropped. */
void h1_write_body(struct chain *out, struct chain *body, enum h1_framing framing);

/* The last chunk and the trailers; nothing for other framings. */
void h1_write_end(struct chain *out, enum h1_framing framing, const struct http_fields *trailers);

#endif
