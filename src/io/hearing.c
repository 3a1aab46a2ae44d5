/* SPDX-License-Identifier: MIT */
/* Up to when a peer was heard: what the clocks of peers are held against where a gate shut us off
 * from what they said. */
#include "stream_internal.h"

#include <math.h>

/* Seconds after the first read behind a wait in which what the peer has still on its way can come.
 */
#define GRACE 1.0
/* Bytes that fit into any socket: a peer of which we find fewer was not held up itself. */
#define SMALL ((uint64_t)16 * 1024)

static bool is_waiting(const struct stream *stream)
{
    return stream->waiter.place == GATE_WAITING;
}

/* Whether it may be read again, and is not yet: its share has more to do than time. */
static bool is_due(const struct stream *stream)
{
    return !stream->hearing.was_read && stream->is_readable && !stream->paused && !stream->read_end;
}

/* Whether there is something that was said after it began to wait, and may be unread. */
static bool is_behind(const struct stream *stream)
{
    double now = loop_now(stream->loop);

    return stream->hearing.until > 0 &&
           (is_waiting(stream) || is_due(stream) || now < stream->waiter.held_until + GRACE);
}

void stream_note_wait(struct stream *stream)
{
    struct hearing *hearing = &stream->hearing;

    if (!is_behind(stream))
        *hearing = (struct hearing){.until = loop_now(stream->loop)};
    hearing->mark = stream->bytes_in;
    hearing->was_read = false;
}

void stream_note_pass(struct stream *stream)
{
    if (stream->hearing.first_pass <= 0)
        stream->hearing.first_pass = loop_now(stream->loop);
}

void stream_note_read(struct stream *stream)
{
    struct hearing *hearing = &stream->hearing;
    bool is_all = !stream->is_readable && !(stream->ops && stream->ops->has_pending(stream->layer));

    if (!hearing->was_read)
        stream->waiter.held_until = loop_now(stream->loop);
    hearing->was_read = true;
    if (is_all && !is_waiting(stream) && stream->bytes_in - hearing->mark < SMALL)
        hearing->until = 0;
}

double stream_heard(const struct stream *stream)
{
    const struct hearing *hearing = &stream->hearing;
    double now = loop_now(stream->loop);
    double most = hearing->first_pass > 0 ? now - STREAM_EXCUSE : -INFINITY;

    if (!is_behind(stream))
        return now;
    return hearing->until > most ? hearing->until : most;
}

bool stream_is_held(const struct stream *stream)
{
    return is_waiting(stream);
}
