/* SPDX-License-Identifier: MIT */
/* The clocks of one client connection: phases, minimum rates, and the one timer behind them. */
#include "limits_internal.h"

#include <math.h>

static double body_due(const struct limits *limits)
{
    if (limits->body_until <= 0 || limits->body_paused > 0)
        return 0;
    return deadline_earlier(limits->body_until, limits->body_last + limits->body_timeout);
}

void limits_arm(struct limits *limits, double now)
{
    double due = deadline_earlier(limits->phase_due, limits->send_until);

    due = deadline_earlier(due, body_due(limits));
    due = deadline_earlier(due, limits->peer_due);
    due = deadline_earlier(due, limits->cut_due);
    if (due <= 0)
        deadline_clear(&limits->deadline);
    else if (due > now)
        deadline_set(&limits->deadline, due - now);
    else
        deadline_set(&limits->deadline, limits->is_excused ? STREAM_HELD_LOOK : 0);
}

void limits_body_start(struct limits *limits, double now, double timeout, uint64_t bytes_in)
{
    limits->body_timeout = timeout;
    limits->body_until = now + timeout;
    limits->body_last = now;
    limits->body_paused = 0;
    limits->body_mark = bytes_in;
}

void limits_body_stop(struct limits *limits)
{
    limits->body_until = 0;
    limits->body_paused = 0;
}

/* A window that never ends measures no rate. */
void limits_body_ease(struct limits *limits)
{
    if (limits->body_until > 0)
        limits->body_until = INFINITY;
}

void limits_body_read(struct limits *limits, double now)
{
    limits->body_last = now;
}

void limits_body_pause(struct limits *limits, double now)
{
    if (limits->body_until > 0 && limits->body_paused <= 0)
        limits->body_paused = now;
}

void limits_body_resume(struct limits *limits, double now)
{
    if (limits->body_paused <= 0)
        return;
    limits->body_until += now - limits->body_paused;
    limits->body_last = now;
    limits->body_paused = 0;
}

bool limits_body_is_slow(struct limits *limits, double heard, uint64_t bytes_in)
{
    double due = body_due(limits);

    if (due <= 0 || heard + DEADLINE_SLACK < due)
        return false;
    if (heard + DEADLINE_SLACK >= limits->body_last + limits->body_timeout)
        return true;
    if (heard + DEADLINE_SLACK < limits->body_until)
        return false;
    if ((double)(bytes_in - limits->body_mark) < LIMIT_RATE * limits->body_timeout)
        return true;
    limits->body_until = heard + limits->body_timeout;
    limits->body_mark = bytes_in;
    return false;
}

/* Part of send_timeout after which the first measure is taken. */
#define MEASURE_AFTER 0.25

void limits_send_start(struct limits *limits, double now, double timeout)
{
    if (limits->send_until > 0)
        return;
    limits->send_timeout = timeout;
    limits->send_until = now + timeout * MEASURE_AFTER;
    limits->send_measured = false;
}

void limits_send_stop(struct limits *limits)
{
    limits->send_until = 0;
}

/* What counts is what the peer acknowledges: the kernel may hold megabytes for a slow client, so
 * that no write succeeds for long although it takes them steadily. Asking for it costs a system
 * call, which the request path must not: a queue that is still there a while after it began is
 * measured, and judged after a whole window from then on. */
bool limits_send_is_slow(struct limits *limits, double now, const struct stream *stream)
{
    uint64_t out, unacked, acked;
    bool is_slow;

    if (limits->send_until <= 0 || now + DEADLINE_SLACK < limits->send_until)
        return false;
    if (stream_queued(stream) == 0) {
        limits_send_stop(limits);
        return false;
    }
    out = stream_bytes_out(stream);
    unacked = stream_unacked(stream);
    acked = out > unacked ? out - unacked : 0;
    /* unacked 0: it has taken all that the kernel had, so it is not what we wait for. */
    is_slow = limits->send_measured && unacked > 0 &&
              (double)acked < (double)limits->send_acked + LIMIT_RATE * limits->send_timeout;
    limits->send_acked = acked;
    limits->send_measured = true;
    limits->send_until = now + limits->send_timeout;
    return is_slow;
}
