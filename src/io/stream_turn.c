/* SPDX-License-Identifier: MIT */
/* What moves a stream: the socket's events, the flush at the turn's end, the owner's callbacks. */
#include "stream_internal.h"

#include "base/container_of.h"

#include <errno.h>

#define RUNS_PER_CALL 16

void stream_fail(struct stream *stream, enum error error)
{
    watch_stop(&stream->watch);
    gate_forget(stream->watch.share, &stream->waiter);
    loop_cancel(stream->loop, &stream->flush);
    loop_cancel(stream->loop, &stream->step);
    chain_clear(&stream->queue);
    stream_set_state(stream, STREAM_FAILED);
    stream->events->on_failed(stream->owner, error);
}

/* Connected, or through with the handshake. */
static void open_stream(struct stream *stream)
{
    stream->is_blocked = false;
    stream_set_state(stream, STREAM_OPEN);
    stream->events->on_open(stream->owner);
    if (stream->state != STREAM_OPEN)
        return;
    if (stream_queued(stream) > 0 || stream->side == SIDE_ENDING)
        loop_defer(stream->loop, &stream->flush);
    stream_rearm(stream);
}

void stream_block(struct stream *stream)
{
    stream->is_blocked = true;
    /* Once for each connection; then it stays. What is writable by now is told at once. */
    watch_change(&stream->watch, stream->watch.wanted | EPOLLOUT);
}

static void handshake(struct stream *stream)
{
    bool wants_write = false;
    int verdict = stream->ops->handshake(stream->layer, stream, &wants_write);

    if (stream->state != STREAM_HANDSHAKE)
        return;
    if (verdict < 0) {
        stream_fail(stream, (enum error)verdict);
    } else if (verdict == 0) {
        if (wants_write)
            stream_block(stream);
    } else {
        open_stream(stream);
    }
}

static void finish_connecting(struct stream *stream)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    stream->connect_errno = error;
    if (error == 0)
        open_stream(stream);
    else
        stream_fail(stream, error == ETIMEDOUT ? ERROR_CONNECT_TIMEOUT : ERROR_CONNECT);
}

/* Tells the owner that there is room again, when that is news. */
static void tell_drained(struct stream *stream, size_t before)
{
    size_t queued = stream_queued(stream);
    bool emptied = before > 0 && queued == 0;
    bool relieved = stream->was_full && queued < STREAM_QUEUE / 2;

    if (!emptied && !relieved)
        return;
    stream->was_full = false;
    stream->events->on_writable(stream->owner);
}

static void flush(struct stream *stream)
{
    size_t before = stream_queued(stream);
    int verdict = stream_push(stream);

    if (verdict < 0) {
        stream_fail(stream, (enum error)verdict);
        return;
    }
    if (verdict == 1)
        stream_block(stream);
    tell_drained(stream, before);
}

/* ---- what the socket tells ---- */

static void writable(struct stream *stream)
{
    stream->is_blocked = false;
    if (stream->state == STREAM_CONNECTING)
        finish_connecting(stream);
    else if (stream->state == STREAM_HANDSHAKE)
        handshake(stream);
    else if (stream->state == STREAM_OPEN)
        flush(stream);
}

/* A peer's reset, while nobody wants to read. */
static void find_reset(struct stream *stream)
{
    char byte;

    if (recv(stream->fd, &byte, 1, MSG_PEEK) < 0 && errno != EAGAIN && errno != EINTR) {
        stream->read_end = ERROR_RESET;
        stream_fail(stream, ERROR_RESET);
    }
}

static bool wants_to_read(const struct stream *stream)
{
    return stream->state == STREAM_HANDSHAKE ||
           (stream->state == STREAM_OPEN && !stream->paused && !stream->read_end);
}

/* Handshakes go on: whom they are for is there already. */
static bool may_read(struct stream *stream)
{
    bool waits_already = stream_is_held(stream);

    if (stream->state == STREAM_HANDSHAKE || gate_lets_pass(stream->watch.share, &stream->waiter))
        return true;
    if (!waits_already)
        stream_note_wait(stream);
    return false;
}

static void readable(struct stream *stream)
{
    if (stream->state == STREAM_HANDSHAKE)
        handshake(stream);
    else
        stream->events->on_readable(stream->owner);
}

void stream_read_on(struct stream *stream)
{
    if (stream->state != STREAM_OPEN || !wants_to_read(stream))
        return;
    if (stream->is_readable)
        watch_again(&stream->watch);
    stream_rearm(stream);
}

void stream_on_pass(struct gate_waiter *waiter)
{
    struct stream *stream = CONTAINER_OF(waiter, struct stream, waiter);

    stream_note_pass(stream);
    stream_read_on(stream);
}

/* One read for each time that it is the stream's turn: what that leaves waits behind the others. */
void stream_on_socket(struct loop_task *task)
{
    struct stream *stream = CONTAINER_OF(task, struct stream, watch.task);
    uint32_t told = watch_take(&stream->watch);

    if (told & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        stream->is_readable = true;
    if (told & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        stream->is_hung = true;
    if (stream->is_blocked && told & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        writable(stream);
    if (stream->is_readable && wants_to_read(stream) && may_read(stream))
        readable(stream);
    else if (told & (EPOLLHUP | EPOLLERR) && stream->state == STREAM_OPEN && !stream->read_end)
        find_reset(stream);
    if (stream->is_readable && wants_to_read(stream) && stream->waiter.place != GATE_WAITING)
        watch_again(&stream->watch);
}

void stream_on_flush(struct loop_task *task)
{
    struct stream *stream = CONTAINER_OF(task, struct stream, flush);

    /* While the socket takes nothing, its next event does the work. */
    if (stream->state == STREAM_OPEN && !stream->is_blocked)
        flush(stream);
}

void stream_on_step(struct loop_task *task)
{
    struct stream *stream = CONTAINER_OF(task, struct stream, step);

    if (stream->state == STREAM_CONNECTING)
        open_stream(stream);
    else if (stream->state == STREAM_HANDSHAKE)
        handshake(stream);
    else if (stream->state == STREAM_OPEN && wants_to_read(stream) && may_read(stream))
        stream->events->on_readable(stream->owner);
}

void stream_rearm(struct stream *stream)
{
    if (!stream->ops || stream->state != STREAM_OPEN)
        return;
    if (!stream->paused && !stream->read_end && stream->ops->has_pending(stream->layer))
        loop_defer(stream->loop, &stream->step);
    if (stream->side != SIDE_ENDED && stream->ops->queued(stream->layer) > 0)
        loop_defer(stream->loop, &stream->flush);
}

static int push_plain(struct stream *stream)
{
    while (stream->queue.len > 0) {
        struct iovec iov[RUNS_PER_CALL];
        size_t wanted = 0;
        int count = chain_iovec(&stream->queue, iov, RUNS_PER_CALL);
        long sent = stream_socket_write(stream, iov, count);

        if (sent < 0)
            return (int)sent;
        for (int i = 0; i < count; i++)
            wanted += iov[i].iov_len;
        chain_consume(&stream->queue, (size_t)sent);
        /* A short write filled the socket: another one would only say EAGAIN. */
        if ((size_t)sent < wanted)
            return 1;
    }
    return 0;
}

int stream_push(struct stream *stream)
{
    size_t before = stream->queue.len;
    int verdict = 0;

    if (stream->ops)
        verdict = stream->ops->write(stream->layer, stream, &stream->queue);
    else
        verdict = push_plain(stream);
    stream->bytes_out += before - stream->queue.len;
    if (verdict != 0 || stream->side != SIDE_ENDING)
        return verdict;

    if (stream->ops)
        verdict = stream->ops->end(stream->layer, stream);
    if (verdict != 0)
        return verdict;
    /* A peer that is gone already shows at the next read. */
    (void)shutdown(stream->fd, SHUT_WR);
    stream->side = SIDE_ENDED;
    return 0;
}
