/* SPDX-License-Identifier: MIT */
/* Bodies on their way out: the owner is asked for bytes when a DATA frame of them is due. */
#include "session_internal.h"

/* The trailers are queued behind the DATA frame that is being made. */
static uint32_t end_flags(struct h2_stream *stream, const struct http_fields *trailers)
{
    if (trailers && h2_submit_trailers(stream, trailers))
        return NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    return NGHTTP2_DATA_FLAG_EOF;
}

/* Reading may make room for bytes that come in the same call: nghttp2 cannot be woken for them
 * before it was told to wait. */
static enum h2_read ask_body(struct h2_stream *stream, size_t length,
                             const struct http_fields **trailers)
{
    struct h2_session *session = stream->session;
    enum h2_read verdict = H2_READ_WAIT;
    chain_clear(&session->payload);
    for (unsigned tries = 0; tries < 2; tries++) {
        stream->is_woken = false;
        verdict =
            session->events->on_read(stream->target.object, &session->payload, length, trailers);
        if (verdict != H2_READ_WAIT || session->payload.len > 0 || !stream->is_woken)
            break;
    }
    return verdict;
}

static ssize_t read_body(nghttp2_session *nghttp2, int32_t id, uint8_t *buffer, size_t length,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct h2_session *session = user;
    struct h2_stream *stream = source->ptr;
    const struct http_fields *trailers = NULL;
    (void)nghttp2;
    (void)id;
    (void)buffer;
    if (stream->is_forgotten || stream->failure != ERROR_NONE)
        return NGHTTP2_ERR_DEFERRED;
    enum h2_read verdict = ask_body(stream, length, &trailers);
    if (stream->is_forgotten) {
        chain_clear(&session->payload);
        return NGHTTP2_ERR_DEFERRED;
    }
    if (verdict == H2_READ_BROKEN) {
        h2_stream_fail(stream, ERROR_TRUNCATED, stream->broken_code);
        return NGHTTP2_ERR_DEFERRED;
    }
    if (verdict == H2_READ_END)
        *flags |= end_flags(stream, trailers);
    else if (session->payload.len == 0)
        return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return (ssize_t)session->payload.len;
}

nghttp2_data_provider h2_body_provider(struct h2_stream *stream)
{
    return (nghttp2_data_provider){.source = {.ptr = stream}, .read_callback = read_body};
}
