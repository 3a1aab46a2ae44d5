/* SPDX-License-Identifier: MIT */
/* What a peer may make us do for nothing. nghttp2 counts CONTINUATIONs and unread answers to PING
 * and SETTINGS; frames without use, streams that are opened to be reset, and resets that are
 * provoked from us are counted here. */
#include "session_internal.h"

/* Frames: an honest peer has a few per request or DATA frame, which pay for them. */
#define USELESS_MAX        5000.0
#define USELESS_PER_SECOND 20.0

/* "Rapid Reset", CVE-2023-44487. nghttp2 has this limit too, but goes on to open the streams of
 * the bytes that it was given. */
#define CANCELS_MAX        1000.0
#define CANCELS_PER_SECOND 33.0

/* "MadeYouReset", CVE-2025-8671: requests that are malformed after they have begun to cost. */
#define RESETS_MAX        100.0
#define RESETS_PER_SECOND 5.0

static void leak(struct h2_bucket *bucket, double now, double per_second)
{
    if (now > bucket->at) {
        bucket->level -= (now - bucket->at) * per_second;
        if (bucket->level < 0)
            bucket->level = 0;
    }
    bucket->at = now;
}

void h2_limits_tick(struct h2_session *session, double now)
{
    session->now = now;
    leak(&session->useless, now, USELESS_PER_SECOND);
    leak(&session->cancels, now, CANCELS_PER_SECOND);
    leak(&session->resets, now, RESETS_PER_SECOND);
}

/* A frame's header is complete. CONTINUATIONs are few: nghttp2 sees to that. */
static void charge_frame(struct h2_session *session)
{
    const uint8_t *header = session->scan.header;
    session->scan.left = (uint32_t)header[0] << 16 | (uint32_t)header[1] << 8 | header[2];
    session->scan.len = 0;
    if (header[3] == NGHTTP2_CONTINUATION)
        return;
    session->useless.level += 1;
    if (session->useless.level > USELESS_MAX)
        h2_fail(session, NGHTTP2_ENHANCE_YOUR_CALM, "too many useless frames");
}

void h2_charge_frames(struct h2_session *session, struct slice bytes)
{
    struct h2_scan *scan = &session->scan;
    while (bytes.len > 0 && !session->is_terminated) {
        size_t len = scan->left < bytes.len ? scan->left : bytes.len;
        scan->left -= (uint32_t)len;
        bytes = slice_from(bytes, len);
        if (bytes.len == 0)
            return;
        scan->header[scan->len++] = (uint8_t)bytes.data[0];
        bytes = slice_from(bytes, 1);
        if (scan->len == H2_FRAME_HEADER)
            charge_frame(session);
    }
}

void h2_charge_cancel(struct h2_session *session)
{
    session->cancels.level += 1;
    if (session->cancels.level > CANCELS_MAX)
        h2_fail(session, NGHTTP2_ENHANCE_YOUR_CALM, "too many cancelled streams");
}

void h2_credit_work(struct h2_session *session, unsigned frames)
{
    session->useless.level -= frames;
    if (session->useless.level < 0)
        session->useless.level = 0;
}

bool h2_charge_reset(struct h2_session *session)
{
    session->resets.level += 1;
    if (session->resets.level <= RESETS_MAX)
        return true;
    h2_fail(session, NGHTTP2_ENHANCE_YOUR_CALM, "too many malformed streams");
    return false;
}
