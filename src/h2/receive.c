/* SPDX-License-Identifier: MIT */
/* The reading half: bytes into nghttp2, its callbacks into events. */
#include "session_internal.h"

static enum h2_verdict verdict(const struct h2_session *session)
{
    if (session->is_dead)
        return H2_DEAD;
    return session->is_closing ? H2_CLOSING : H2_OPEN;
}

static bool is_deaf(const struct h2_session *session)
{
    return session->is_dead || session->is_terminated;
}

enum h2_verdict h2_receive(struct h2_session *session, struct chain *in, uint32_t frames,
                           double now)
{
    h2_limits_tick(session, now);
    session->input = in;
    while (in->len > 0 && !is_deaf(session)) {
        session->run = chain_first(in);
        size_t taken = h2_take_run(session, &frames);
        chain_consume(in, taken);
        if (taken < session->run.len)
            break;
    }
    session->input = NULL;
    if (is_deaf(session))
        chain_clear(in);
    return verdict(session);
}

/* ---- callbacks; 0, or what nghttp2 is to do ---- */

static int fail_stream(struct h2_stream *stream, enum error error)
{
    bool is_large = error == ERROR_HEAD_TOO_LARGE || error == ERROR_RESPONSE_TOO_LARGE;
    if (stream->session->role == H2_CLIENT && !is_large)
        error = ERROR_RESPONSE;
    h2_stream_fail(stream, error, is_large ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
    stream->session->head.stream = NULL;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* Whether what comes for a stream is still of use. */
static bool is_heard(const struct h2_stream *stream)
{
    return stream && !stream->is_forgotten && stream->failure == ERROR_NONE &&
           stream->input != H2_IN_DROPPED && !stream->session->is_terminated;
}

static int begin_request(struct h2_session *session, int32_t id)
{
    struct h2_stream *stream = h2_stream_new(session, id);
    nghttp2_session_set_stream_user_data(session->nghttp2, id, stream);
    if (session->is_terminated || session->is_shut ||
        !session->events->on_begin(session->owner, stream, &stream->target)) {
        h2_reset(stream, H2_REFUSED_STREAM);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    h2_head_begin(&session->head, stream);
    return 0;
}

static int on_begin_headers(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    struct h2_session *session = user;
    (void)nghttp2;
    session->head.stream = NULL;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* PUSH_PROMISE: we said no */
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        return begin_request(session, frame->hd.stream_id);
    struct h2_stream *stream = h2_stream_find(session, frame->hd.stream_id);
    if (is_heard(stream))
        h2_head_begin(&session->head, stream);
    return 0;
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    struct h2_session *session = user;
    (void)nghttp2;
    (void)frame;
    (void)flags;
    if (!session->head.stream)
        return 0;
    int error = h2_head_field(&session->head, name, value);
    return error == 0 ? 0 : fail_stream(session->head.stream, (enum error)error);
}

/* nghttp2 would leave such a field out; RFC 9113 section 8.1.1 makes the message malformed. */
static int on_invalid_header(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                             nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    struct h2_session *session = user;
    (void)nghttp2;
    (void)frame;
    (void)name;
    (void)value;
    (void)flags;
    if (!session->head.stream)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return fail_stream(session->head.stream, ERROR_FIELD);
}

/* Streams share the connection by turns unless the client says otherwise (RFC 9218 section 4). */
static void set_fair_priority(struct h2_session *session, int32_t id)
{
    nghttp2_extpri priority = {.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
    nghttp2_session_change_extpri_stream_priority(session->nghttp2, id, &priority, 0);
}

static void deliver_request(struct h2_session *session, struct h2_stream *stream, bool ends)
{
    bool has_priority = session->head.has_priority;
    int error = h2_make_request(&session->head, ends);
    if (error == ERROR_HEAD_TOO_LARGE || error == ERROR_METHOD) {
        stream->input = H2_IN_DROPPED;
        session->events->on_refused(stream->target.object, (enum error)error);
        return;
    }
    if (error != 0) {
        fail_stream(stream, (enum error)error);
        return;
    }
    if (!has_priority)
        set_fair_priority(session, stream->id);
    stream->input = H2_IN_BODY;
    stream->length = stream->target.request->content_length;
    h2_credit_work(session, H2_CREDIT_HEAD);
    session->events->on_request(stream->target.object, ends);
    if (ends && !stream->is_forgotten)
        h2_stream_input_ended(stream);
}

static void deliver_response(struct h2_session *session, struct h2_stream *stream, bool ends)
{
    int error = h2_make_response(&session->head, ends);
    if (error != 0) {
        fail_stream(stream, (enum error)error);
        return;
    }
    if (stream->target.response->status >= 200) {
        stream->input = H2_IN_BODY;
        h2_credit_work(session, H2_CREDIT_HEAD);
    }
    session->events->on_response(stream->target.object, ends);
    if (ends && !stream->is_forgotten)
        h2_stream_input_ended(stream);
}

static void on_head_complete(struct h2_session *session, const nghttp2_frame *frame)
{
    struct h2_stream *stream = session->head.stream;
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (!stream || stream->id != frame->hd.stream_id || session->is_terminated)
        return;
    stream->received += H2_FRAME_HEADER + frame->hd.length;
    if (stream->input == H2_IN_BODY) {
        h2_take_trailers(&session->head);
        h2_stream_input_ended(stream);
    } else if (session->role == H2_SERVER) {
        deliver_request(session, stream, ends);
    } else {
        deliver_response(session, stream, ends);
    }
    session->head.stream = NULL;
}

static void on_data_complete(struct h2_session *session, const nghttp2_frame *frame)
{
    struct h2_stream *stream = h2_stream_find(session, frame->hd.stream_id);
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (ends || frame->hd.length > frame->data.padlen)
        h2_credit_work(session, H2_CREDIT_RECEIVED);
    if (stream && stream->is_abandoned && stream->input != H2_IN_ENDED)
        h2_stream_abandoned(stream);
    if (!is_heard(stream))
        return;
    stream->received += H2_FRAME_HEADER + frame->hd.length;
    if (ends && stream->input == H2_IN_BODY)
        h2_stream_input_ended(stream);
}

static void on_peer_reset(struct h2_session *session, struct h2_stream *stream)
{
    if (!stream)
        return;
    stream->is_peer_reset = true;
    if (session->role == H2_CLIENT)
        return;
    h2_note_peer_reset(session, stream->id);
    h2_charge_cancel(stream);
}

static void on_settings(struct h2_session *session, bool is_ack)
{
    if (is_ack) {
        if (session->unaware_id == INT32_MAX)
            session->unaware_id = session->last_id;
        return;
    }
    session->has_settings = true;
    if (session->events->on_settings)
        session->events->on_settings(session->owner);
}

static void on_goaway(struct h2_session *session, const nghttp2_frame *frame)
{
    session->is_closing = true;
    if (session->events->on_goaway)
        session->events->on_goaway(session->owner, (uint32_t)frame->goaway.last_stream_id,
                                   frame->goaway.error_code);
}

static void on_pong(struct h2_session *session, const nghttp2_frame *frame)
{
    bool is_wake = memcmp(frame->ping.opaque_data, h2_wake_ping, sizeof(h2_wake_ping)) == 0;
    if (!is_wake && session->events->on_pong)
        session->events->on_pong(session->owner);
}

static int on_frame_recv(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    struct h2_session *session = user;
    bool is_ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    (void)nghttp2;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        on_head_complete(session, frame);
        break;
    case NGHTTP2_DATA:
        on_data_complete(session, frame);
        break;
    case NGHTTP2_RST_STREAM:
        on_peer_reset(session, h2_stream_find(session, frame->hd.stream_id));
        break;
    case NGHTTP2_SETTINGS:
        on_settings(session, is_ack);
        break;
    case NGHTTP2_PING:
        if (is_ack)
            on_pong(session, frame);
        break;
    case NGHTTP2_GOAWAY:
        on_goaway(session, frame);
        break;
    default:
        break;
    }
    return 0;
}

/* The payload lies in the first run of the input: it is shared from there. */
static void take_payload(struct h2_session *session, const uint8_t *data, size_t len)
{
    size_t offset = (size_t)((uintptr_t)data - (uintptr_t)session->run.data);
    if (offset <= session->run.len && len <= session->run.len - offset)
        chain_share(&session->body, session->input, offset, len);
    else
        chain_append(&session->body, data, len);
}

static int on_data_chunk(nghttp2_session *nghttp2, uint8_t flags, int32_t id, const uint8_t *data,
                         size_t len, void *user)
{
    struct h2_session *session = user;
    struct h2_stream *stream = h2_stream_find(session, id);
    (void)flags;
    if (stream)
        stream->body += len;
    if (!is_heard(stream) || stream->input != H2_IN_BODY || !session->events->on_data) {
        nghttp2_session_consume(nghttp2, id, len);
        return 0;
    }
    if (!h2_hold(stream, len))
        return 0;
    take_payload(session, data, len);
    session->events->on_data(stream->target.object, &session->body);
    if (!stream->is_forgotten)
        h2_consume(stream, session->body.len);
    chain_clear(&session->body);
    return 0;
}

/* Refused by nghttp2: more streams than we take, which the client may not have known. */
static int on_invalid_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, int error,
                            void *user)
{
    struct h2_session *session = user;
    (void)nghttp2;
    if (error == NGHTTP2_ERR_REFUSED_STREAM)
        h2_note_reset(session, frame->hd.stream_id, session->settings.stream_window);
    return 0;
}

static int on_stream_close(nghttp2_session *nghttp2, int32_t id, uint32_t code, void *user)
{
    struct h2_stream *stream = h2_stream_find(user, id);
    (void)nghttp2;
    if (stream)
        h2_stream_close(stream, code);
    return 0;
}

void h2_set_receive_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
