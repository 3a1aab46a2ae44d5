/* SPDX-License-Identifier: MIT */
/* What a peer may make us do for nothing. nghttp2 counts its RST_STREAM frames, CONTINUATIONs and
 * unread answers to PING and SETTINGS; frames without use and the resets that it provokes from us
 * are counted here. */
#include "session_internal.h"

/* Frames: an honest peer has a few per request or DATA frame, which pay for them. */
#define USELESS_MAX        5000.0
#define USELESS_PER_SECOND 20.0

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
    leak(&session->resets, now, RESETS_PER_SECOND);
}

void h2_charge_frame(struct h2_session *session)
{
    session->useless.level += 1;
    if (session->useless.level > USELESS_MAX)
        h2_fail(session, NGHTTP2_ENHANCE_YOUR_CALM, "too many useless frames");
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
