/* SPDX-License-Identifier: MIT */
/* The streams of a session: their records, their ends, and their windows. */
#include "session_internal.h"

struct h2_stream *h2_stream_new(struct h2_session *session, int32_t id)
{
    struct h2_stream *stream = spares_take(&session->body.pool->objects, sizeof(*stream));
    *stream = (struct h2_stream){.session = session,
                                 .id = id,
                                 .length = -1,
                                 .window = session->settings.stream_window,
                                 .broken_code =
                                     session->role == H2_SERVER ? H2_INTERNAL_ERROR : H2_CANCEL};
    TAILQ_INSERT_TAIL(&session->streams, stream, next);
    session->stream_count++;
    return stream;
}

void h2_stream_drop(struct h2_stream *stream)
{
    struct h2_session *session = stream->session;
    if (session->head.stream == stream)
        session->head.stream = NULL;
    session->stream_count--;
    session->forgotten_count -= stream->is_forgotten;
    h2_linger_close(stream);
    h2_flow_close(stream);
    TAILQ_REMOVE(&session->streams, stream, next);
    spares_give(&session->body.pool->objects, stream, sizeof(*stream));
}

void h2_stream_close(struct h2_stream *stream, uint32_t code)
{
    h2_stream_tell_closed(stream, code);
    h2_stream_drop(stream);
}

void h2_stream_input_ended(struct h2_stream *stream)
{
    struct h2_session *session = stream->session;
    stream->input = H2_IN_ENDED;
    if (session->events->on_end)
        session->events->on_end(stream->target.object);
    if (session->role == H2_SERVER || stream->is_forgotten || stream->is_tunnel ||
        stream->output == H2_OUT_ENDED)
        return;
    stream->is_complete = true;
    nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
}

void h2_stream_abandoned(struct h2_stream *stream)
{
    struct h2_session *session = stream->session;
    stream->input = H2_IN_ENDED;
    if (stream->is_lingering) {
        h2_linger_end(stream);
        nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, stream->id,
                                  NGHTTP2_NO_ERROR);
    } else if (!stream->is_forgotten && session->events->on_abandoned) {
        session->events->on_abandoned(stream->target.object);
    }
}

void h2_stream_output_ended(struct h2_stream *stream)
{
    stream->output = H2_OUT_ENDED;
    if (stream->session->role == H2_CLIENT || stream->is_tunnel || stream->is_forgotten ||
        (stream->input == H2_IN_ENDED && !stream->is_abandoned))
        return;
    h2_linger_begin(stream);
}

/* A reader that has taken a whole window and left little of it is one that the window slows
 * down. */
static void grow_window(struct h2_stream *stream, size_t bytes)
{
    uint32_t most = stream->session->settings.stream_window_max;
    stream->consumed += bytes;
    if (stream->window >= most || stream->consumed < stream->window ||
        stream->unconsumed > stream->window / 4 || stream->input == H2_IN_ENDED)
        return;
    stream->consumed = 0;
    stream->window = stream->window > most / 2 ? most : stream->window * 2;
    nghttp2_session_set_local_window_size(stream->session->nghttp2, NGHTTP2_FLAG_NONE, stream->id,
                                          (int32_t)stream->window);
}

void h2_consume(struct h2_stream *stream, size_t bytes)
{
    if (bytes > stream->unconsumed)
        bytes = stream->unconsumed;
    if (bytes == 0)
        return;
    stream->unconsumed -= bytes;
    stream->session->held -= bytes;
    nghttp2_session_consume(stream->session->nghttp2, stream->id, bytes);
    grow_window(stream, bytes);
}

static struct h2_stream *holds_most(struct h2_session *session)
{
    struct h2_stream *stream, *most = TAILQ_FIRST(&session->streams);
    TAILQ_FOREACH (stream, &session->streams, next) {
        if (stream->unconsumed > most->unconsumed)
            most = stream;
    }
    return most;
}

/* The connection's window sees to it that no more is held, until h2_discard has opened it: what it
 * lets through may be sent on any stream. */
bool h2_hold(struct h2_stream *stream, size_t bytes)
{
    struct h2_session *session = stream->session;
    stream->unconsumed += bytes;
    session->held += bytes;
    while (session->held > session->settings.connection_window) {
        struct h2_stream *most = holds_most(session);
        most->failure = ERROR_HELD;
        h2_stream_tell_closed(most, H2_ENHANCE_YOUR_CALM);
        h2_reset(most, H2_ENHANCE_YOUR_CALM);
        h2_charge_reset(session);
    }
    return !stream->is_forgotten;
}

void h2_set_broken_code(struct h2_stream *stream, uint32_t code)
{
    stream->broken_code = code;
}

void h2_resume(struct h2_stream *stream)
{
    stream->is_woken = true;
    /* Fails where there is nothing to resume: that is no error here. */
    (void)nghttp2_session_resume_data(stream->session->nghttp2, stream->id);
}

int32_t h2_stream_id(const struct h2_stream *stream)
{
    return stream->id;
}

uint64_t h2_stream_received(const struct h2_stream *stream)
{
    return stream->received;
}

uint64_t h2_stream_sent(const struct h2_stream *stream)
{
    return stream->sent;
}

/* nghttp2 says 0 for windows that SETTINGS made negative (RFC 9113 section 6.9.2), too; -1 for a
 * stream that it does not have. */
bool h2_is_window_blocked(const struct h2_stream *stream)
{
    return !stream->is_forgotten && stream->output == H2_OUT_BODY &&
           nghttp2_session_get_stream_remote_window_size(stream->session->nghttp2, stream->id) == 0;
}
