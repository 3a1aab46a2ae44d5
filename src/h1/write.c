/* SPDX-License-Identifier: MIT */
/* Writes heads and chunks. Whoever filled the message is not trusted to have kept the line ends
 * out of it: what could split a head is left out here. */
#include "h1/write.h"

#include "http/characters.h"

/* Bytes being written straight into the chain's tail. */
struct writer {
    struct chain *chain;
    char *begin; /* what is written from there on is not committed */
    char *at;
    char *end;
};

static void writer_open(struct writer *writer, struct chain *chain)
{
    size_t room;
    char *at = chain_reserve(chain, 1, &room);
    *writer = (struct writer){.chain = chain, .begin = at, .at = at, .end = at + room};
}

static void writer_close(struct writer *writer)
{
    if (writer->at > writer->begin)
        chain_commit(writer->chain, (size_t)(writer->at - writer->begin));
}

static size_t room_of(const struct writer *writer)
{
    return (size_t)(writer->end - writer->at);
}

static void put_in_pieces(struct writer *writer, struct slice s)
{
    while (s.len > 0) {
        if (room_of(writer) == 0) {
            writer_close(writer);
            writer_open(writer, writer->chain);
        }
        size_t len = s.len < room_of(writer) ? s.len : room_of(writer);
        memcpy(writer->at, s.data, len);
        writer->at += len;
        s = slice_from(s, len);
    }
}

/* In the caller, where most of what is put has a length that the compiler knows. */
static inline void put(struct writer *writer, struct slice s)
{
    if (s.len == 0 || s.len > room_of(writer)) {
        put_in_pieces(writer, s);
        return;
    }
    memcpy(writer->at, s.data, s.len);
    writer->at += s.len;
}

static void put_number(struct writer *writer, uint64_t number)
{
    char digits[SLICE_U64_DIGITS];
    put(writer, slice_of_u64(number, digits));
}

static void put_field(struct writer *writer, struct slice name, struct slice value)
{
    if (!http_is_token(name) || http_find_control(value.data, value.len) != value.len)
        return;
    put(writer, name);
    put(writer, SLICE(": "));
    put(writer, value);
    put(writer, SLICE("\r\n"));
}

static void put_length(struct writer *writer, int64_t length)
{
    put(writer, SLICE("Content-Length: "));
    put_number(writer, (uint64_t)length);
    put(writer, SLICE("\r\n"));
}

/* Fields that this room writes itself: those of framing and of the connection. */
static bool is_own(enum http_field_id id)
{
    return id == FIELD_CONTENT_LENGTH || http_field_is_hop_by_hop(id);
}

/* A target that came through http_target_parse has no such byte: this is for any other. */
static void put_target(struct writer *writer, struct slice target)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t start = 0;
    for (size_t i = 0; i < target.len; i++) {
        if (http_char_is(target.data[i], HTTP_CHAR_TARGET))
            continue;
        uint8_t byte = (uint8_t)target.data[i];
        char encoded[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        put(writer, (struct slice){target.data + start, i - start});
        put(writer, (struct slice){encoded, sizeof(encoded)});
        start = i + 1;
    }
    if (start < target.len)
        put(writer, slice_from(target, start));
}

static enum h1_framing put_request_framing(struct writer *writer,
                                           const struct http_request *request)
{
    if (request->content_length == HTTP_LENGTH_UNKNOWN) {
        put(writer, SLICE("Transfer-Encoding: chunked\r\n"));
        return H1_CHUNKED;
    }
    if (request->content_length > 0) {
        put_length(writer, request->content_length);
        return H1_LENGTH;
    }
    /* RFC 9110 section 8.6: methods that expect content say that there is none. */
    if (request->has_length || request->method == METHOD_POST || request->method == METHOD_PUT ||
        request->method == METHOD_PATCH)
        put_length(writer, 0);
    return H1_NO_BODY;
}

enum h1_framing h1_write_request(struct chain *out, const struct http_request *request)
{
    struct writer writer;
    writer_open(&writer, out);
    put(&writer, request->method_text);
    put(&writer, SLICE(" "));
    put_target(&writer, request->target);
    put(&writer, SLICE(" HTTP/1.1\r\n"));
    put_field(&writer, SLICE("Host"), request->authority);
    for (uint32_t i = 0; i < request->fields.count; i++) {
        const struct http_field *field = &request->fields.items[i];
        if (!is_own(field->id) && field->id != FIELD_HOST)
            put_field(&writer, field->name, field->value);
    }
    if (request->upgrade.len > 0) {
        put(&writer, SLICE("Connection: upgrade\r\n"));
        put_field(&writer, SLICE("Upgrade"), request->upgrade);
    }
    enum h1_framing framing = put_request_framing(&writer, request);
    put(&writer, SLICE("\r\n"));
    writer_close(&writer);
    return framing;
}

static void put_status_line(struct writer *writer, const struct http_response *response)
{
    put(writer, SLICE("HTTP/1.1 "));
    put_number(writer, (uint64_t)response->status);
    put(writer, SLICE(" "));
    /* HTTP/2 has none, and some clients of HTTP/1 show theirs. */
    struct slice reason = response->reason;
    if (reason.len == 0 || http_find_control(reason.data, reason.len) != reason.len)
        reason = slice_of(http_reason(response->status));
    put(writer, reason);
    put(writer, SLICE("\r\n"));
}

static enum h1_framing put_response_framing(struct writer *writer,
                                            const struct http_response *response,
                                            const struct h1_response_options *options)
{
    int64_t length = response->content_length;
    if (response->status < 200 || response->status == 204)
        return H1_NO_BODY;
    if (response->status == 304 || options->method == METHOD_HEAD) {
        /* RFC 9110 section 8.6: the length that the GET would have; a 304 that has no length of a
         * representation to tell is 0. */
        if (length > 0 || (length == 0 && response->status != 304))
            put_length(writer, length);
        return H1_NO_BODY;
    }
    if (!response->has_body || length == 0) {
        put_length(writer, 0);
        return H1_NO_BODY;
    }
    if (length > 0) {
        put_length(writer, length);
        return H1_LENGTH;
    }
    if (options->version == HTTP_1_0)
        return H1_UNTIL_CLOSE;
    put(writer, SLICE("Transfer-Encoding: chunked\r\n"));
    return H1_CHUNKED;
}

static void put_connection(struct writer *writer, const struct http_response *response,
                           const struct h1_response_options *options, enum h1_framing framing)
{
    if (response->status == 101)
        put(writer, SLICE("Connection: upgrade\r\n"));
    else if (response->status < 200)
        return;
    else if (!options->keep_alive || framing == H1_UNTIL_CLOSE)
        put(writer, SLICE("Connection: close\r\n"));
    else if (options->version == HTTP_1_0)
        put(writer, SLICE("Connection: keep-alive\r\n"));
}

enum h1_framing h1_write_response(struct chain *out, const struct http_response *response,
                                  const struct h1_response_options *options, int64_t now)
{
    /* RFC 9110 section 15.2: no 1xx for a client of HTTP/1.0. */
    if (response->status < 200 && options->version == HTTP_1_0)
        return H1_NO_BODY;
    struct writer writer;
    bool has_date = response->status < 200;
    writer_open(&writer, out);
    put_status_line(&writer, response);
    for (uint32_t i = 0; i < response->fields.count; i++) {
        const struct http_field *field = &response->fields.items[i];
        bool is_switch = response->status == 101 && field->id == FIELD_UPGRADE;
        if (is_own(field->id) && !is_switch)
            continue;
        has_date |= field->id == FIELD_DATE;
        put_field(&writer, field->name, field->value);
    }
    if (!has_date) {
        char date[30];
        http_date(now, date);
        put_field(&writer, SLICE("Date"), (struct slice){date, sizeof(date) - 1});
    }
    enum h1_framing framing = put_response_framing(&writer, response, options);
    put_connection(&writer, response, options, framing);
    put(&writer, SLICE("\r\n"));
    writer_close(&writer);
    return framing;
}

void h1_write_body(struct chain *out, struct chain *body, enum h1_framing framing)
{
    size_t len = body->len;
    if (len == 0)
        return;
    if (framing == H1_NO_BODY) {
        /* The answer to a HEAD may have been made with a body. */
        chain_clear(body);
        return;
    }
    if (framing == H1_CHUNKED)
        chain_printf(out, "%zx\r\n", len);
    chain_move(out, body, len);
    if (framing == H1_CHUNKED)
        chain_append(out, "\r\n", 2);
}

void h1_write_end(struct chain *out, enum h1_framing framing, const struct http_fields *trailers)
{
    if (framing != H1_CHUNKED)
        return;
    struct writer writer;
    writer_open(&writer, out);
    put(&writer, SLICE("0\r\n"));
    for (uint32_t i = 0; trailers && i < trailers->count; i++) {
        if (http_is_trailer(&trailers->items[i]))
            put_field(&writer, trailers->items[i].name, trailers->items[i].value);
    }
    put(&writer, SLICE("\r\n"));
    writer_close(&writer);
}
