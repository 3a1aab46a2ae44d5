/* SPDX-License-Identifier: MIT */
/* Messages sent: requests that open streams, and the responses to those that the peer opened. */
#include "session_internal.h"

struct h2_stream *h2_send_request(struct h2_session *session, const struct http_request *request,
                                  const struct h2_target *target, bool ends)
{
    struct h2_texts texts;
    if (h2_requests_left(session) == 0)
        return NULL;
    bool is_tunnel = request->upgrade.len > 0 && h2_allows_connect(session);
    struct h2_stream *stream = h2_stream_new(session, 0);
    stream->target = *target;
    stream->is_head = request->method == METHOD_HEAD;
    stream->is_tunnel = is_tunnel;
    stream->output = H2_OUT_BODY;
    nghttp2_data_provider provider = h2_body_provider(stream);
    ends = ends && !is_tunnel;
    h2_encode_request(session, request, is_tunnel, &texts);
    stream->id = nghttp2_submit_request(session->nghttp2, NULL, session->nv, session->nv_count,
                                        ends ? NULL : &provider, stream);
    if (stream->id < 0) {
        h2_stream_drop(stream);
        return NULL;
    }
    return stream;
}

static void send_final(struct h2_stream *stream, const struct http_response *response, bool ends,
                       int64_t now)
{
    struct h2_session *session = stream->session;
    struct h2_texts texts;
    nghttp2_data_provider provider = h2_body_provider(stream);
    bool is_open = stream->is_tunnel && response->status < 300;
    stream->is_tunnel = is_open;
    stream->output = H2_OUT_BODY;
    stream->is_unsuccessful = response->status >= 300;
    h2_encode_response(stream, response, now, &texts);
    ends = !is_open && (ends || !response->has_body || stream->is_head);
    if (nghttp2_submit_response(session->nghttp2, stream->id, session->nv, session->nv_count,
                                ends ? NULL : &provider) != 0)
        h2_stream_fail(stream, ERROR_RESPONSE, NGHTTP2_INTERNAL_ERROR);
}

void h2_send_response(struct h2_stream *stream, const struct http_response *response, bool ends,
                      int64_t now)
{
    struct h2_texts texts;
    if (stream->output != H2_OUT_HEAD)
        return;
    if (response->status == 101 || response->status < 100 || response->status > 999) {
        h2_stream_fail(stream, ERROR_RESPONSE, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    if (response->status >= 200) {
        send_final(stream, response, ends, now);
        return;
    }
    h2_encode_response(stream, response, now, &texts);
    nghttp2_submit_headers(stream->session->nghttp2, NGHTTP2_FLAG_NONE, stream->id, NULL,
                           stream->session->nv, stream->session->nv_count, NULL);
}
