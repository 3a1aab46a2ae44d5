/* SPDX-License-Identifier: MIT */
/* The writing half: frames out of nghttp2 into a chain, where body bytes move. */
#include "session_internal.h"

bool h2_write(struct h2_session *session, struct chain *out, size_t limit)
{
    session->output = out;
    session->output_limit = limit;
    while (out->len < limit && h2_has_output(session)) {
        const uint8_t *data;
        size_t before = out->len;
        ssize_t len = nghttp2_session_mem_send(session->nghttp2, &data);
        if (len < 0) {
            h2_die(session, nghttp2_strerror((int)len));
            break;
        }
        chain_append(out, data, (size_t)len);
        if (out->len == before)
            break;
    }
    session->output = NULL;
    return h2_has_output(session);
}

/* ---- bodies ---- */

/* A frame that fits a TLS record with its header; what the windows and the peer allow. */
static ssize_t data_length(nghttp2_session *nghttp2, uint8_t type, int32_t id,
                           int32_t connection_window, int32_t stream_window, uint32_t frame_max,
                           void *user)
{
    ssize_t length = H2_DATA_MAX;
    (void)nghttp2;
    (void)type;
    (void)id;
    (void)user;
    if (length > connection_window)
        length = connection_window;
    if (length > stream_window)
        length = stream_window;
    return length > (ssize_t)frame_max ? (ssize_t)frame_max : length;
}

static int send_data(nghttp2_session *nghttp2, nghttp2_frame *frame, const uint8_t *header,
                     size_t length, nghttp2_data_source *source, void *user)
{
    struct h2_session *session = user;
    (void)nghttp2;
    (void)frame;
    (void)source;
    chain_append(session->output, header, H2_FRAME_HEADER);
    chain_move(session->output, &session->payload, length);
    return session->output->len < session->output_limit ? 0 : NGHTTP2_ERR_PAUSE;
}

/* ---- what leaves ---- */

/* Resets that the owner asked for, those of complete responses, and those of our failures are not
 * the peer's doing; nor are those of streams above a limit that it had not seen (RFC 9113 section
 * 6.5.3). */
static bool is_provoked(struct h2_session *session, const nghttp2_frame *frame)
{
    const struct h2_stream *stream = h2_stream_find(session, frame->hd.stream_id);
    uint32_t code = frame->rst_stream.error_code;
    /* Codes of our own decisions; the stream may be gone by now, when the peer has reset it too. */
    if (code == NGHTTP2_INTERNAL_ERROR || code == NGHTTP2_CANCEL || code == NGHTTP2_NO_ERROR)
        return false;
    if (code == NGHTTP2_REFUSED_STREAM && frame->hd.stream_id <= session->unaware_id)
        return false;
    return !stream ||
           !(stream->is_forgotten || stream->is_complete || stream->failure == ERROR_TRUNCATED);
}

static int before_frame_send(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    struct h2_session *session = user;
    (void)nghttp2;
    if (frame->hd.type != NGHTTP2_RST_STREAM || !is_provoked(session, frame))
        return 0;
    return h2_charge_reset(session) ? 0 : NGHTTP2_ERR_CANCEL;
}

static void on_goaway_sent(struct h2_session *session, const nghttp2_frame *frame)
{
    if (frame->goaway.last_stream_id == INT32_MAX)
        return; /* the announcement */
    session->is_closing = true;
    if (frame->goaway.error_code != NGHTTP2_NO_ERROR && session->reason[0] == '\0')
        session->reason = nghttp2_http2_strerror(frame->goaway.error_code);
}

static void on_reset_sent(struct h2_session *session, int32_t id)
{
    const struct h2_stream *stream = h2_stream_find(session, id);
    h2_note_reset(session, id, stream ? stream->window : session->settings.stream_window);
}

static int on_frame_send(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    struct h2_session *session = user;
    (void)nghttp2;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        on_goaway_sent(session, frame);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        on_reset_sent(session, frame->hd.stream_id);
    if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    struct h2_stream *stream = h2_stream_find(session, frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_DATA)
        h2_flow_send(session, stream, frame->hd.length);
    if (!stream)
        return 0;
    stream->sent += H2_FRAME_HEADER + frame->hd.length;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        h2_stream_output_ended(stream);
    return 0;
}

/* A request that could not be sent (GOAWAY came first, or it was reset meanwhile) may have no
 * stream in nghttp2 that would be closed. */
static void close_unsent(struct h2_session *session, int32_t id)
{
    struct h2_stream *stream;
    TAILQ_FOREACH (stream, &session->streams, next) {
        if (stream->id == id) {
            h2_stream_close(stream, NGHTTP2_REFUSED_STREAM);
            return;
        }
    }
}

static int on_frame_not_send(nghttp2_session *nghttp2, const nghttp2_frame *frame, int error,
                             void *user)
{
    struct h2_session *session = user;
    struct h2_stream *stream = h2_stream_find(session, frame->hd.stream_id);
    (void)nghttp2;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    if (!stream)
        close_unsent(session, frame->hd.stream_id);
    else if (error == NGHTTP2_ERR_FRAME_SIZE_ERROR && !stream->is_forgotten)
        /* A head of more than 64 KiB. A request's stream is closed by nghttp2 right after. */
        h2_stream_fail(stream,
                       session->role == H2_SERVER ? ERROR_RESPONSE_TOO_LARGE : ERROR_HEAD_TOO_LARGE,
                       NGHTTP2_INTERNAL_ERROR);
    return 0;
}

void h2_set_write_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, data_length);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
    nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, before_frame_send);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_send);
}
