/* SPDX-License-Identifier: MIT */
/* Frames as they begin: each header is read here before nghttp2 has it, is charged to its sender,
 * and is judged by its stream's state (RFC 9113 section 5.1) where nghttp2 lets things pass. */
#include "session_internal.h"

/* Frames that wait to be written, two orders of magnitude more than honest peers cause: who lets
 * them pile up does not read the answers. Each takes about 200 bytes. */
#define OUTBOUND_MAX 3000

/* RFC 9113 sections 6.3 and 6.9: PRIORITY and WINDOW_UPDATE, when they have their fixed length,
 * begin with a number that says what they are worth. */
static size_t bytes_wanted(const struct h2_scan *scan)
{
    const uint8_t *header = scan->header;
    if (scan->len < H2_FRAME_HEADER || header[0] != 0 || header[1] != 0)
        return H2_FRAME_HEADER;
    bool has_number = (header[3] == NGHTTP2_WINDOW_UPDATE && header[2] == 4) ||
                      (header[3] == NGHTTP2_PRIORITY && header[2] == 5);
    return has_number ? sizeof(scan->header) : H2_FRAME_HEADER;
}

/* Returns how many of the bytes it took. */
static size_t fill(struct h2_scan *scan, struct slice bytes)
{
    size_t at = 0;
    while (at < bytes.len && scan->len < bytes_wanted(scan))
        scan->header[scan->len++] = (uint8_t)bytes.data[at++];
    return at;
}

static uint32_t u31(const uint8_t *bytes)
{
    return ((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
            bytes[3]) &
           INT32_MAX;
}

static struct h2_frame take_frame(struct h2_scan *scan)
{
    const uint8_t *header = scan->header;
    struct h2_frame frame = {.length =
                                 (uint32_t)header[0] << 16 | (uint32_t)header[1] << 8 | header[2],
                             .type = header[3],
                             .flags = header[4],
                             .id = (int32_t)u31(header + 5)};
    if (scan->len > H2_FRAME_HEADER)
        frame.number = u31(header + H2_FRAME_HEADER);
    scan->left = frame.length + H2_FRAME_HEADER - scan->len;
    scan->len = 0;
    return frame;
}

/* ---- the judgement ---- */

/* RFC 7540 section 5.3.1; RFC 9113 has no more to say of dependencies than that they are ignored.
 */
static void judge_priority(struct h2_session *session, const struct h2_frame *frame)
{
    if (frame->id == 0) {
        h2_fail(session, NGHTTP2_PROTOCOL_ERROR, "PRIORITY on stream 0");
        return;
    }
    if (frame->length != 5 || frame->number != (uint32_t)frame->id)
        return;
    struct h2_stream *stream = h2_stream_find(session, frame->id);
    if (!stream)
        h2_fail(session, NGHTTP2_PROTOCOL_ERROR, "a stream that depends on itself");
    else if (!stream->is_forgotten && stream->failure == ERROR_NONE)
        h2_stream_fail(stream, ERROR_FIELD, NGHTTP2_PROTOCOL_ERROR);
}

/* Whether the client opens a stream by it; it is noted. */
static bool opens_stream(struct h2_session *session, const struct h2_frame *frame)
{
    if (frame->type != NGHTTP2_HEADERS || frame->id <= session->last_id)
        return false;
    uint32_t step = (uint32_t)(frame->id - session->last_id) / 2;
    session->used_ids = step < 64 ? session->used_ids << step | 1 : 1;
    session->last_id = frame->id;
    return true;
}

/* Older ones than the last 64 are taken for used ones. */
static bool was_used(const struct h2_session *session, int32_t id)
{
    uint32_t distance = (uint32_t)(session->last_id - id) / 2;
    return distance >= 64 || (session->used_ids >> distance & 1) != 0;
}

/* The client has reset the stream. Threads of its own may cross (RFC 7540 section 5.1: an error of
 * the stream): it is told so once. What it gives back of windows is not worth an end of the
 * connection, nor many answers. */
static void judge_after_reset(struct h2_session *session, const struct h2_frame *frame)
{
    if (frame->type == NGHTTP2_WINDOW_UPDATE && !h2_has_resets_to_spare(session))
        return;
    h2_note_reset(session, frame->id, 0);
    nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, frame->id,
                              NGHTTP2_STREAM_CLOSED);
}

/* A stream that was there, or whose turn has passed (RFC 9113 sections 5.1 and 5.1.1). */
static void judge_closed(struct h2_session *session, const struct h2_frame *frame)
{
    if (session->is_shut || h2_is_reset_by_us(session, frame->id))
        return;
    if (h2_is_reset_by_peer(session, frame->id))
        judge_after_reset(session, frame);
    else if (frame->type == NGHTTP2_WINDOW_UPDATE)
        return; /* it may have crossed our END_STREAM */
    else if (frame->type == NGHTTP2_HEADERS && !was_used(session, frame->id))
        h2_fail(session, NGHTTP2_PROTOCOL_ERROR, "a stream identifier that goes back");
    else
        h2_fail(session, NGHTTP2_STREAM_CLOSED, "a frame on a closed stream");
}

/* nghttp2 judges frames on idle and open streams, those on stream 0, and identifiers that are not
 * the client's. */
static void judge(struct h2_session *session, const struct h2_frame *frame)
{
    if (frame->type == NGHTTP2_PRIORITY)
        judge_priority(session, frame);
    if (session->role == H2_CLIENT || frame->id % 2 == 0 || opens_stream(session, frame) ||
        frame->id > session->last_id)
        return;
    if (frame->type != NGHTTP2_DATA && frame->type != NGHTTP2_HEADERS &&
        frame->type != NGHTTP2_WINDOW_UPDATE)
        return;
    if (!h2_stream_find(session, frame->id))
        judge_closed(session, frame);
}

/* ---- the input ---- */

/* nghttp2 would reset a request that ends before its length, and with it the response. Clients end
 * one so when the response is 3xx to 5xx (curl does): such an end is taken for what it is. */
static bool is_abandoned(const struct h2_stream *stream, const struct h2_frame *frame)
{
    return stream && stream->is_unsuccessful && stream->input != H2_IN_ENDED &&
           frame->type == NGHTTP2_DATA &&
           (frame->flags & (NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_PADDED)) ==
               NGHTTP2_FLAG_END_STREAM &&
           stream->length >= 0 && stream->body + frame->length < (uint64_t)stream->length;
}

/* The header is complete. Returns whether nghttp2 must be given it as it is in the scan. */
static bool take_header(struct h2_session *session)
{
    struct h2_scan *scan = &session->scan;
    struct h2_frame frame = take_frame(scan);
    h2_charge_frame(session, &frame);
    if (!session->is_terminated)
        judge(session, &frame);
    struct h2_stream *stream = h2_stream_find(session, frame.id);
    if (!is_abandoned(stream, &frame))
        return false;
    stream->is_abandoned = true;
    scan->header[4] &= (uint8_t)~NGHTTP2_FLAG_END_STREAM;
    return true;
}

/* Gives bytes to nghttp2. */
static void feed(struct h2_session *session, struct slice bytes)
{
    if (bytes.len == 0 || session->is_dead || session->is_terminated)
        return;
    ssize_t used =
        nghttp2_session_mem_recv(session->nghttp2, (const uint8_t *)bytes.data, bytes.len);
    if (used == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
        h2_fail(session, NGHTTP2_PROTOCOL_ERROR, "not the preface of HTTP/2");
    else if (used < 0)
        h2_die(session, nghttp2_strerror((int)used));
    else if (nghttp2_session_get_outbound_queue_size(session->nghttp2) > OUTBOUND_MAX)
        h2_die(session, "the peer does not read its answers");
}

size_t h2_take_run(struct h2_session *session, uint32_t *frames)
{
    struct h2_scan *scan = &session->scan;
    struct slice rest = session->run; /* what nghttp2 does not have yet */
    size_t at = 0;                    /* of it: what was looked at */
    for (;;) {
        size_t payload = scan->left < rest.len - at ? scan->left : rest.len - at;
        scan->left -= (uint32_t)payload;
        at += payload;
        feed(session, slice_head(rest, scan->left > 0 ? rest.len : at));
        rest = slice_from(rest, at);
        if (rest.len == 0 || *frames == 0)
            return session->run.len - rest.len;
        bool is_split = scan->len > 0;
        at = fill(scan, rest);
        if (scan->len < bytes_wanted(scan))
            return session->run.len;
        --*frames;
        struct slice header = {(const char *)scan->header, scan->len};
        if (take_header(session) || is_split) {
            feed(session, header);
            rest = slice_from(rest, at);
            at = 0;
        }
        if (session->is_terminated || session->is_dead)
            return session->run.len;
    }
}
