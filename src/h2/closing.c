/* SPDX-License-Identifier: MIT */
/* How a stream ends: what its owner is told, what its windows get back, and resets of ours. */
#include "session_internal.h"

/* What the owner was given and has not consumed, or never will: the connection's window must not
 * shrink by it. A finished response that its reader has not taken yet is bounded by the stream's
 * window alone: it would be wrong to let it hold up the connection's other streams. */
static void settle_windows(struct h2_stream *stream)
{
    if (stream->unconsumed > 0)
        nghttp2_session_consume_connection(stream->session->nghttp2, stream->unconsumed);
    stream->session->held -= stream->unconsumed;
    stream->unconsumed = 0;
}

static enum error closing_error(const struct h2_stream *stream, uint32_t code, bool is_by_peer,
                                bool is_refused)
{
    bool is_server = stream->session->role == H2_SERVER;
    if (stream->is_complete ||
        (stream->input == H2_IN_ENDED && stream->output == H2_OUT_ENDED && code == H2_NO_ERROR))
        return ERROR_NONE;
    if (stream->failure != ERROR_NONE)
        return stream->failure;
    if (is_refused)
        return stream->is_peer_reset ? ERROR_REFUSED : ERROR_RETIRED;
    if (is_by_peer || code == H2_NO_ERROR)
        return is_server ? ERROR_CLIENT_GONE : ERROR_BACKEND_RESET;
    return is_server ? ERROR_FIELD : ERROR_RESPONSE;
}

void h2_stream_tell_closed(struct h2_stream *stream, uint32_t code)
{
    struct h2_session *session = stream->session;
    settle_windows(stream);
    if (stream->is_forgotten)
        return;
    /* Without RST_STREAM nghttp2 says REFUSED_STREAM only of those that GOAWAY names as not
     * processed, and of those that it could not send any more. */
    bool is_refused = session->role == H2_CLIENT && code == H2_REFUSED_STREAM &&
                      stream->failure == ERROR_NONE && stream->input == H2_IN_HEAD;
    struct h2_closing closing = {.code = code, .is_by_peer = stream->is_peer_reset || is_refused};
    closing.error = closing_error(stream, code, closing.is_by_peer, is_refused);
    closing.is_untouched = is_refused && closing.error != ERROR_NONE;
    if (closing.error == ERROR_NONE)
        h2_credit_served(session);
    if (session->events->on_closed)
        session->events->on_closed(stream->target.object, &closing);
}

void h2_stream_fail(struct h2_stream *stream, enum error error, uint32_t code)
{
    stream->failure = error;
    nghttp2_submit_rst_stream(stream->session->nghttp2, NGHTTP2_FLAG_NONE, stream->id, code);
}

void h2_reset(struct h2_stream *stream, uint32_t code)
{
    struct h2_session *session = stream->session;
    settle_windows(stream);
    stream->is_forgotten = true;
    session->forgotten_count++;
    if (session->head.stream == stream)
        session->head.stream = NULL;
    if (nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, stream->id, code) != 0)
        h2_die(session, "a stream cannot be reset");
}
