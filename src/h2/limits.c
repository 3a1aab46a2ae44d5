/* SPDX-License-Identifier: MIT */
/* What a peer may make us do for nothing. Frames are charged and paid for: by the bytes and frames
 * of DATA that they answer, by requests that were served, and by time. nghttp2 counts CONTINUATIONs
 * and unread answers to PING and SETTINGS; frames without use, streams that are opened to be reset,
 * and resets that are provoked from us are counted here. */
#include "session_internal.h"

/* Frames: an honest peer has a few per request or DATA frame, which pay for them, and a little
 * ahead. */
#define USELESS_MAX        5000.0
#define USELESS_AHEAD      2500.0
#define USELESS_PER_SECOND 20.0

/* Of streams that have closed: what may be given back to them on its way. */
#define LATE_BYTES (64 * 1024 * 1024)

/* "Rapid Reset", CVE-2023-44487: streams that are cancelled without having got anything. One that
 * got its response's beginning was of some use, one that got that many bytes has paid. */
#define CANCELS_MAX        1000.0
#define CANCELS_PER_SECOND 33.0
#define CANCEL_BEGUN       0.5
#define CANCEL_PAID_BYTES  (64 * 1024)

/* "MadeYouReset", CVE-2025-8671: requests that are malformed after they have begun to cost. */
#define RESETS_MAX        100.0
#define RESETS_PER_SECOND 5.0
#define RESETS_SERVED     (1.0 / 16)

static void leak(struct h2_bucket *bucket, double now, double per_second)
{
    if (now > bucket->at && bucket->level > 0) {
        bucket->level -= (now - bucket->at) * per_second;
        if (bucket->level < 0)
            bucket->level = 0;
    }
    bucket->at = now;
}

static void pay(struct h2_bucket *bucket, double amount, double ahead)
{
    if (bucket->level > -ahead)
        bucket->level = bucket->level - amount > -ahead ? bucket->level - amount : -ahead;
}

void h2_limits_tick(struct h2_session *session, double now)
{
    session->now = now;
    leak(&session->useless, now, USELESS_PER_SECOND);
    leak(&session->cancels, now, CANCELS_PER_SECOND);
    leak(&session->resets, now, RESETS_PER_SECOND);
}

/* ---- frames ---- */

/* Whether a WINDOW_UPDATE gives back what was sent: each byte pays for the frame that returns it,
 * as there are peers that return each piece that they read, however small. Reading such a frame
 * costs less than a request of its size. */
static bool is_return(uint64_t *unreturned, uint32_t bytes)
{
    uint64_t returned = bytes < *unreturned ? bytes : *unreturned;
    *unreturned -= returned;
    return returned > 0;
}

static bool is_paid(struct h2_session *session, const struct h2_frame *frame)
{
    if (frame->type != NGHTTP2_DATA && frame->type != NGHTTP2_WINDOW_UPDATE)
        return frame->type == NGHTTP2_CONTINUATION; /* few: nghttp2 sees to that */
    if (frame->id == 0)
        return is_return(&session->unreturned, frame->number);
    struct h2_stream *stream = h2_stream_find(session, frame->id);
    if (frame->type == NGHTTP2_DATA)
        return !stream && h2_crossed_reset(session, frame->id, frame->length);
    return is_return(stream ? &stream->unreturned : &session->late_unreturned, frame->number);
}

void h2_charge_frame(struct h2_session *session, const struct h2_frame *frame)
{
    if (is_paid(session, frame))
        return;
    session->useless.level += 1;
    if (session->useless.level > USELESS_MAX)
        h2_fail(session, NGHTTP2_ENHANCE_YOUR_CALM, "too many useless frames");
}

void h2_credit_work(struct h2_session *session, unsigned frames)
{
    pay(&session->useless, frames, USELESS_AHEAD);
}

static void add_late(struct h2_session *session, uint64_t bytes)
{
    session->late_unreturned += bytes;
    if (session->late_unreturned > LATE_BYTES)
        session->late_unreturned = LATE_BYTES;
}

void h2_flow_send(struct h2_session *session, struct h2_stream *stream, size_t bytes)
{
    h2_credit_work(session, H2_CREDIT_SENT);
    session->unreturned += bytes;
    if (stream)
        stream->unreturned += bytes;
    else
        add_late(session, bytes);
}

void h2_flow_close(struct h2_stream *stream)
{
    add_late(stream->session, stream->unreturned);
}

/* ---- streams ---- */

void h2_charge_cancel(struct h2_stream *stream)
{
    struct h2_session *session = stream->session;
    if (stream->is_complete || stream->sent >= CANCEL_PAID_BYTES)
        return;
    session->cancels.level += stream->sent > 0 ? CANCEL_BEGUN : 1;
    if (session->cancels.level > CANCELS_MAX)
        h2_fail(session, NGHTTP2_ENHANCE_YOUR_CALM, "too many cancelled streams");
}

bool h2_charge_reset(struct h2_session *session)
{
    session->resets.level += 1;
    if (session->resets.level <= RESETS_MAX)
        return true;
    h2_fail(session, NGHTTP2_ENHANCE_YOUR_CALM, "too many malformed streams");
    return false;
}

bool h2_has_resets_to_spare(const struct h2_session *session)
{
    return session->resets.level < RESETS_MAX / 2;
}

void h2_credit_served(struct h2_session *session)
{
    pay(&session->cancels, 1, 0);
    pay(&session->resets, RESETS_SERVED, 0);
}
