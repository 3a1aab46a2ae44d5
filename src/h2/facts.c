/* SPDX-License-Identifier: MIT */
/* What a session is and may do now; and how it gives up. */
#include "session_internal.h"

void h2_die(struct h2_session *session, const char *reason)
{
    if (session->reason[0] == '\0')
        session->reason = reason;
    session->is_dead = true;
}

void h2_fail(struct h2_session *session, uint32_t code, const char *reason)
{
    if (session->is_terminated)
        return;
    if (session->reason[0] == '\0')
        session->reason = reason;
    session->is_terminated = true;
    session->is_closing = true;
    nghttp2_session_terminate_session(session->nghttp2, code);
}

const char *h2_reason(const struct h2_session *session)
{
    return session->reason;
}

bool h2_is_done(const struct h2_session *session)
{
    return session->is_dead || (nghttp2_session_want_read(session->nghttp2) == 0 &&
                                nghttp2_session_want_write(session->nghttp2) == 0);
}

bool h2_has_output(const struct h2_session *session)
{
    return !session->is_dead && nghttp2_session_want_write(session->nghttp2) != 0;
}

uint32_t h2_requests_most(const struct h2_session *session)
{
    uint32_t most = H2_STREAMS_BEFORE_SETTINGS;
    if (session->has_settings)
        most = nghttp2_session_get_remote_settings(session->nghttp2,
                                                   NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return most < session->settings.streams_max ? most : session->settings.streams_max;
}

uint32_t h2_requests_left(const struct h2_session *session)
{
    if (session->is_dead || session->is_closing ||
        nghttp2_session_check_request_allowed(session->nghttp2) == 0)
        return 0;
    uint32_t most = h2_requests_most(session);
    return most > session->stream_count ? most - session->stream_count : 0;
}

bool h2_allows_connect(const struct h2_session *session)
{
    return session->has_settings &&
           nghttp2_session_get_remote_settings(session->nghttp2,
                                               NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

uint32_t h2_stream_count(const struct h2_session *session)
{
    return session->stream_count - session->forgotten_count;
}
