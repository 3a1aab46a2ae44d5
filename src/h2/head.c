/* SPDX-License-Identifier: MIT */
/* Heads as they come out of HPACK: each field is checked (RFC 9113 section 8.2) and kept. nghttp2
 * checks most of this too; what an HTTP/1 backend will be sent does not rest on that. */
#include "session_internal.h"

#include "http/characters.h"

/* RFC 9113 section 6.5.2: what a field counts besides its name and value. */
#define FIELD_OVERHEAD 32

void h2_head_begin(struct h2_head *head, struct h2_stream *stream)
{
    *head = (struct h2_head){.stream = stream};
    http_fields_init(&head->fields, stream->target.arena);
}

static struct slice slice_of_rcbuf(nghttp2_rcbuf *buffer)
{
    nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
    return (struct slice){(const char *)bytes.base, bytes.len};
}

/* HPACK's static table lives as long as the library: nothing to copy. */
static struct slice keep(struct arena *arena, nghttp2_rcbuf *buffer)
{
    struct slice s = slice_of_rcbuf(buffer);
    if (s.len == 0 || nghttp2_rcbuf_is_static(buffer))
        return s;
    return arena_slice(arena, s);
}

static struct slice *pseudo_slot(struct h2_head *head, struct slice name)
{
    if (slice_equal(name, SLICE(":method")))
        return &head->method;
    if (slice_equal(name, SLICE(":scheme")))
        return &head->scheme;
    if (slice_equal(name, SLICE(":authority")))
        return &head->authority;
    if (slice_equal(name, SLICE(":path")))
        return &head->path;
    if (slice_equal(name, SLICE(":protocol")))
        return &head->protocol;
    return NULL;
}

/* Three digits (RFC 9113 section 8.3.2). */
static bool take_status(struct h2_head *head, struct slice value)
{
    uint64_t status;
    if (head->status != 0 || value.len != 3 || slice_to_u64(value, 999, &status) != 0 ||
        status < 100)
        return false;
    head->status = (int)status;
    return true;
}

/* RFC 9113 section 8.3: first, once, known, in the right direction, never in trailers. */
static int take_pseudo(struct h2_head *head, struct slice name, nghttp2_rcbuf *buffer)
{
    const struct h2_stream *stream = head->stream;
    struct slice value = slice_of_rcbuf(buffer);
    if (stream->input != H2_IN_HEAD || head->fields.count > 0 || head->lengths > 0 ||
        value.len == 0)
        return ERROR_FIELD;
    if (stream->session->role == H2_CLIENT)
        return slice_equal(name, SLICE(":status")) && take_status(head, value) ? 0 : ERROR_RESPONSE;
    struct slice *slot = pseudo_slot(head, name);
    if (!slot || slot->len > 0)
        return ERROR_FIELD;
    *slot = keep(stream->target.arena, buffer);
    return 0;
}

/* RFC 9113 section 8.2.1 calls white space around a value malformed, but it means one thing to
 * every reader: the clients of a server that sends it cannot help it. */
static struct slice without_blanks(const struct h2_head *head, struct slice value)
{
    return head->stream->session->role == H2_CLIENT ? slice_trim(value) : value;
}

/* RFC 9113 section 8.2: no upper case, no control bytes, no white space around a value. */
static bool is_valid(struct slice name, struct slice value)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!http_char_is(name.data[i], HTTP_CHAR_TOKEN) ||
            (name.data[i] >= 'A' && name.data[i] <= 'Z'))
            return false;
    }
    return name.len > 0 && http_is_field_value(value);
}

/* What may stand in a head of HTTP/2 besides its syntax (RFC 9113 section 8.2.2). */
static int note_known(struct h2_head *head, enum http_field_id id, struct slice value)
{
    switch (id) {
    case FIELD_CONNECTION:
    case FIELD_KEEP_ALIVE:
    case FIELD_PROXY_CONNECTION:
    case FIELD_TRANSFER_ENCODING:
    case FIELD_UPGRADE:
        return ERROR_FIELD;
    case FIELD_TE:
        return slice_equal_nocase(value, SLICE("trailers")) ? 0 : ERROR_FIELD;
    case FIELD_CONTENT_LENGTH:
        return head->lengths++ == 0 ? 0 : ERROR_LENGTH;
    case FIELD_HOST:
        return head->hosts++ == 0 ? 0 : ERROR_HOST;
    case FIELD_COOKIE:
        head->cookies++;
        return 0;
    default:
        return 0;
    }
}

static bool count_field(struct h2_head *head, struct slice name, struct slice value)
{
    const struct h2_settings *settings = &head->stream->session->settings;
    head->count++;
    /* Cannot overflow: a frame and eight CONTINUATIONs bring 150,000 fields of 64 KiB at most. */
    if (!head->is_large)
        head->size += (uint32_t)(name.len + value.len + FIELD_OVERHEAD);
    head->is_large =
        head->is_large || head->size > settings->head_max || head->count > settings->fields_max;
    return !head->is_large;
}

/* A request is read to its end and then answered with 431; nothing else can be answered. */
static int too_large(const struct h2_head *head)
{
    if (head->stream->session->role == H2_CLIENT)
        return ERROR_RESPONSE_TOO_LARGE;
    return head->stream->input == H2_IN_HEAD ? 0 : ERROR_HEAD_TOO_LARGE;
}

int h2_head_field(struct h2_head *head, nghttp2_rcbuf *name_buffer, nghttp2_rcbuf *value_buffer)
{
    struct arena *arena = head->stream->target.arena;
    struct slice name = slice_of_rcbuf(name_buffer);
    struct slice value = slice_of_rcbuf(value_buffer);
    if (!count_field(head, name, value))
        return too_large(head);
    if (name.len > 0 && name.data[0] == ':')
        return take_pseudo(head, name, value_buffer);
    value = without_blanks(head, value);
    if (!is_valid(name, value))
        return ERROR_FIELD;
    enum http_field_id id = http_field_lookup(name);
    int error = note_known(head, id, value);
    if (error != 0)
        return error;
    value = without_blanks(head, keep(arena, value_buffer));
    if (id == FIELD_CONTENT_LENGTH) {
        head->length = value;
        return 0;
    }
    if (id == FIELD_OTHER && slice_equal(name, SLICE("priority")))
        head->has_priority = true;
    http_fields_add(&head->fields,
                    id == FIELD_OTHER ? keep(arena, name_buffer) : http_field_name(id), value);
    return 0;
}
