/* SPDX-License-Identifier: MIT */
/* Requests that were answered before they had ended: the client may finish for a moment. Some read
 * the response only behind what they send, and RST_STREAM with NO_ERROR (RFC 9113 section 8.1)
 * takes it from those that read both at once. curl stops sending when the response is 3xx to
 * 5xx; at any other it sends on, and does not read meanwhile: it needs its windows beforehand. */
#include "session_internal.h"

/* Seconds without a byte, seconds in all, and bytes: then the rest is not awaited. */
#define LINGER_QUIET 2.0
#define LINGER_TOTAL 30.0
#define LINGER_BYTES (16 * 1024 * 1024)
/* Bytes that may be sent without reading. */
#define LINGER_WINDOW (8 * 1024 * 1024)

const uint8_t h2_wake_ping[8] = {'f', 'i', 'n', 'i', 's', 'h', 'e', 'd'};

/* Narrower, it takes back what was not used yet as it is used; see h2_hold. */
static void set_connection_window(struct h2_session *session)
{
    nghttp2_session_set_local_window_size(
        session->nghttp2, NGHTTP2_FLAG_NONE, 0,
        (int32_t)(session->settings.connection_window + session->widened));
}

static void widen_connection(struct h2_session *session, uint32_t rest)
{
    if (nghttp2_session_get_local_window_size(session->nghttp2) >= (int32_t)rest)
        return;
    session->widened = rest > session->widened ? rest : session->widened;
    set_connection_window(session);
}

/* What was received and not told back yet counts against the window. */
static void widen(struct h2_stream *stream, uint32_t rest)
{
    nghttp2_session *nghttp2 = stream->session->nghttp2;
    int32_t left = nghttp2_session_get_stream_local_window_size(nghttp2, stream->id);
    int32_t whole = nghttp2_session_get_stream_effective_local_window_size(nghttp2, stream->id);
    if (left < 0 || left >= (int32_t)rest)
        return;
    stream->window = rest + (uint32_t)(whole - left);
    nghttp2_session_set_local_window_size(nghttp2, NGHTTP2_FLAG_NONE, stream->id,
                                          (int32_t)stream->window);
}

void h2_discard(struct h2_stream *stream)
{
    struct h2_session *session = stream->session;
    int64_t rest = stream->length < 0 ? LINGER_WINDOW : stream->length - (int64_t)stream->body;
    if (stream->is_wide || stream->input == H2_IN_ENDED || rest < 0 || rest > LINGER_WINDOW)
        return;
    stream->is_wide = true;
    session->wide_count++;
    widen_connection(session, (uint32_t)rest);
    widen(stream, (uint32_t)rest);
}

void h2_linger_end(struct h2_stream *stream)
{
    struct h2_session *session = stream->session;
    session->lingering -= stream->is_lingering;
    stream->is_lingering = false;
    if (stream->is_wide && --session->wide_count == 0 && session->widened > 0) {
        session->widened = 0;
        set_connection_window(session);
    }
    stream->is_wide = false;
}

void h2_linger_begin(struct h2_stream *stream)
{
    struct h2_session *session = stream->session;
    stream->is_complete = true;
    if ((!stream->is_unsuccessful && !stream->is_wide) || stream->is_abandoned) {
        nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, stream->id,
                                  NGHTTP2_NO_ERROR);
        return;
    }
    h2_stream_tell_closed(stream, H2_NO_ERROR);
    stream->is_forgotten = true;
    stream->is_lingering = true;
    stream->linger_base = stream->body;
    stream->linger_mark = stream->body;
    session->forgotten_count++;
    session->lingering++;
}

/* Returns when it is over; not later than now: it is. */
static double look(struct h2_stream *stream, double now)
{
    if (stream->linger_from == 0) {
        stream->linger_from = now;
        stream->linger_last = now;
    }
    if (stream->body != stream->linger_mark)
        stream->linger_last = now;
    stream->linger_mark = stream->body;
    if (stream->body - stream->linger_base > LINGER_BYTES)
        return now;
    double quiet = stream->linger_last + LINGER_QUIET;
    double total = stream->linger_from + LINGER_TOTAL;
    return quiet < total ? quiet : total;
}

/* One that has got the whole response before it ended its request may wait for something to read
 * before it looks at what it has (curl does, where the response has no length). */
void h2_linger_close(struct h2_stream *stream)
{
    if (stream->is_lingering && !stream->is_peer_reset && !stream->session->is_terminated)
        nghttp2_submit_ping(stream->session->nghttp2, NGHTTP2_FLAG_NONE, h2_wake_ping);
    h2_linger_end(stream);
}

double h2_linger(struct h2_session *session, double now)
{
    struct h2_stream *stream;
    double first = 0;
    if (session->lingering == 0)
        return 0;
    TAILQ_FOREACH (stream, &session->streams, next) {
        if (!stream->is_lingering)
            continue;
        double due = look(stream, now);
        if (due <= now) {
            h2_linger_end(stream);
            nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, stream->id,
                                      NGHTTP2_NO_ERROR);
        } else if (first == 0 || due < first) {
            first = due;
        }
    }
    return first;
}
