/* SPDX-License-Identifier: MIT */
/* A stream's life, its two queues of bytes and its socket calls. */
#include "base/container_of.h"
#include "base/log.h"
#include "base/memory.h"
#include "stream_internal.h"

#include "io/socket.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Room for which the tail of a chain is still worth a read(2). */
#define READ_MIN 512
/* Buffers that one read fills once a stream has shown to carry bulk. */
#define BULK_BUFFERS 4
/* Bytes that a stream stands for: itself, and what its owner has for it. */
#define STANDING 2048
/* EPOLLOUT is added when a write first falls short. */
#define STREAM_READING (EPOLLIN | EPOLLRDHUP | EPOLLET)

void stream_set_state(struct stream *stream, enum stream_state state)
{
    static const unsigned legal[] = {
        [STREAM_CONNECTING] = 1u << STREAM_OPEN | 1u << STREAM_FAILED | 1u << STREAM_CLOSED,
        [STREAM_HANDSHAKE] = 1u << STREAM_OPEN | 1u << STREAM_FAILED | 1u << STREAM_CLOSED,
        [STREAM_OPEN] = 1u << STREAM_HANDSHAKE | 1u << STREAM_FAILED | 1u << STREAM_CLOSED,
        [STREAM_FAILED] = 1u << STREAM_CLOSED,
        [STREAM_CLOSED] = 0,
    };

    assert(legal[stream->state] & 1u << state);
    log_debug("stream %d: state %d to %d", stream->fd, (int)stream->state, (int)state);
    stream->state = state;
}

/* What servers' connections take is held for requests that are there: it keeps no client out. */
static void charge(struct stream *stream, size_t bytes)
{
    struct account *account = stream->account;
    size_t before = stream->charged;

    stream->charged = bytes;
    if (bytes > before && stream->waiter.is_client)
        account_take_standing(account, bytes - before);
    else if (bytes > before)
        account_take(account, bytes - before);
    else if (stream->waiter.is_client)
        account_give_standing(account, before - bytes);
    else
        account_give(account, before - bytes);
}

void stream_layer_holds(struct stream *stream, size_t bytes)
{
    charge(stream, STANDING + bytes);
}

static void on_grave(struct loop_task *task)
{
    struct stream *stream = CONTAINER_OF(task, struct stream, grave);

    if (stream->ops)
        stream->ops->free(stream->layer);
    charge(stream, 0);
    free(stream);
}

static struct stream *make(struct loop *loop, int fd, const struct stream_events *events,
                           void *owner)
{
    struct stream *stream = memory_zeroed(1, sizeof(*stream));

    stream->loop = loop;
    stream->fd = fd;
    stream->events = events;
    stream->owner = owner;
    stream->watch.task.run = stream_on_socket;
    stream->flush.run = stream_on_flush;
    stream->step.run = stream_on_step;
    stream->grave.run = on_grave;
    stream->waiter.go_on = stream_on_pass;
    stream->waiter.held_until = -INFINITY;
    stream->account = loop->buffers.account;
    chain_init(&stream->queue, &loop->buffers);
    return stream;
}

struct stream *stream_new(struct loop *loop, int fd, const struct stream_events *events,
                          void *owner)
{
    struct stream *stream = make(loop, fd, events, owner);

    stream->state = STREAM_OPEN;
    stream->waiter.is_client = true;
    charge(stream, STANDING);
    watch_start(&stream->watch, loop, fd, STREAM_READING);
    return stream;
}

struct stream *stream_connect(struct loop *loop, int fd, const struct address *address,
                              const struct stream_events *events, void *owner)
{
    struct stream *stream;
    struct address on;
    int error = 0;

    if (address_on_socket(address, fd, &on) < 0 || connect(fd, &on.any, on.len) < 0)
        error = errno;
    if (error != 0 && error != EINPROGRESS) {
        close(fd);
        errno = error;
        return NULL;
    }
    stream = make(loop, fd, events, owner);
    stream->state = STREAM_CONNECTING;
    charge(stream, STANDING);
    watch_start(&stream->watch, loop, fd, STREAM_READING | EPOLLOUT);
    if (error == EINPROGRESS)
        stream->is_blocked = true;
    else
        loop_defer(loop, &stream->step);
    return stream;
}

void stream_set_layer(struct stream *stream, const struct stream_layer *ops, void *layer)
{
    assert(!stream->ops && stream->state == STREAM_OPEN);
    stream->ops = ops;
    stream->layer = layer;
    stream_set_state(stream, STREAM_HANDSHAKE);
    loop_defer(stream->loop, &stream->step);
}

void *stream_layer(const struct stream *stream)
{
    return stream->layer;
}

void stream_set_owner(struct stream *stream, const struct stream_events *events, void *owner)
{
    stream->events = events;
    stream->owner = owner;
}

/* What a read(2) got of what it had room for: less is all that there was (epoll(7)), but for the
 * end behind it, which was told of already. */
static void note_read(struct stream *stream, ssize_t got, size_t room)
{
    if (got < 0 && errno == EINTR)
        return;
    if (got > 0 && ((size_t)got == room || stream->is_hung))
        return;
    stream->is_readable = false;
    stream->watch.told &= ~(uint32_t)EPOLLIN;
}

/* One recv(2) into the tail, or, for bulk, into several fresh buffers at once. */
static long read_plain(struct stream *stream, struct chain *into, size_t limit)
{
    struct chain parts[BULK_BUFFERS];
    struct iovec iov[BULK_BUFFERS];
    size_t wanted = 0;
    ssize_t got;
    int count = 0;

    if (!stream->is_bulk || limit <= BUFFER_SIZE) {
        size_t room;
        size_t min = limit < READ_MIN ? limit : READ_MIN;
        char *to = chain_reserve(into, min, &room);

        if (room > limit)
            room = limit;
        got = stream_socket_read(stream, to, room);
        chain_commit(into, got > 0 ? (size_t)got : 0);
        stream->is_bulk = got > 0 && (size_t)got == room;
        return got;
    }

    while (count < BULK_BUFFERS && wanted < limit) {
        chain_init(&parts[count], into->pool);
        iov[count].iov_base = chain_reserve(&parts[count], BUFFER_SIZE, &iov[count].iov_len);
        if (iov[count].iov_len > limit - wanted)
            iov[count].iov_len = limit - wanted;
        wanted += iov[count++].iov_len;
    }
    got = readv(stream->fd, iov, count);
    note_read(stream, got, wanted);
    stream->is_bulk = got > 0 && (size_t)got == wanted;
    for (size_t i = 0, left = got > 0 ? (size_t)got : 0; i < (size_t)count; i++) {
        size_t part = left < iov[i].iov_len ? left : iov[i].iov_len;

        chain_commit(&parts[i], part);
        chain_move(into, &parts[i], part);
        left -= part;
    }
    if (got > 0)
        return got;
    if (got == 0)
        return ERROR_END;
    return errno == EAGAIN || errno == EINTR ? 0 : ERROR_RESET;
}

long stream_read(struct stream *stream, struct chain *into, size_t limit)
{
    long got;

    if (stream->read_end)
        return stream->read_end;
    if (stream->state < STREAM_OPEN || stream->state == STREAM_CLOSED || limit == 0)
        return 0;
    if (stream->ops)
        got = stream->ops->read(stream->layer, stream, into, limit);
    else
        got = read_plain(stream, into, limit);
    if (got > 0) {
        stream->bytes_in += (uint64_t)got;
    } else if (got < 0) {
        stream->read_end = (enum error)got;
    }
    if (stream->hearing.until > 0)
        stream_note_read(stream);
    stream_rearm(stream);
    return got;
}

void stream_write(struct stream *stream, struct chain *from)
{
    if (stream->state >= STREAM_FAILED || stream->side != SIDE_OPEN) {
        chain_clear(from);
        return;
    }
    if (from->len == 0)
        return;
    chain_move(&stream->queue, from, from->len);
    if (stream_is_full(stream))
        stream->was_full = true;
    if (stream->state == STREAM_OPEN)
        loop_defer(stream->loop, &stream->flush);
}

size_t stream_queued(const struct stream *stream)
{
    size_t below = stream->ops ? stream->ops->queued(stream->layer) : 0;

    return stream->queue.len + below;
}

bool stream_is_full(const struct stream *stream)
{
    return stream_queued(stream) >= STREAM_QUEUE;
}

size_t stream_unacked(const struct stream *stream)
{
    int unacked = 0;

    if (ioctl(stream->fd, SIOCOUTQ, &unacked) < 0 || unacked < 0)
        return 0;
    return (size_t)unacked;
}

uint64_t stream_bytes_in(const struct stream *stream)
{
    return stream->bytes_in;
}

uint64_t stream_bytes_out(const struct stream *stream)
{
    return stream->bytes_out;
}

void stream_pause(struct stream *stream)
{
    stream->paused = true;
}

void stream_resume(struct stream *stream)
{
    if (!stream->paused)
        return;
    stream->paused = false;
    stream_read_on(stream);
}

void stream_end(struct stream *stream)
{
    if (stream->state >= STREAM_FAILED || stream->side != SIDE_OPEN)
        return;
    stream->side = SIDE_ENDING;
    if (stream->state == STREAM_OPEN)
        loop_defer(stream->loop, &stream->flush);
}

bool stream_has_ended(const struct stream *stream)
{
    return stream->side == SIDE_ENDED;
}

void stream_close(struct stream *stream)
{
    if (!stream || stream->state == STREAM_CLOSED)
        return;
    watch_stop(&stream->watch);
    gate_forget(stream->watch.share, &stream->waiter);
    loop_cancel(stream->loop, &stream->flush);
    loop_cancel(stream->loop, &stream->step);
    chain_clear(&stream->queue);
    stream_set_state(stream, STREAM_CLOSED);
    close(stream->fd);
    stream->fd = -1;
    loop_bury(stream->loop, &stream->grave);
}

void stream_close_reset(struct stream *stream)
{
    if (stream && stream->state != STREAM_CLOSED)
        socket_reset_on_close(stream->fd);
    stream_close(stream);
}

void stream_flush_close(struct stream *stream)
{
    if (stream && stream->state == STREAM_OPEN) {
        if (stream->side == SIDE_OPEN)
            stream->side = SIDE_ENDING;
        (void)stream_push(stream);
    }
    stream_close(stream);
}

int stream_errno(const struct stream *stream)
{
    return stream->connect_errno;
}

int stream_fd(const struct stream *stream)
{
    return stream->fd;
}

struct loop *stream_loop(const struct stream *stream)
{
    return stream->loop;
}

long stream_socket_read(struct stream *stream, void *data, size_t size)
{
    ssize_t got = recv(stream->fd, data, size, 0);

    note_read(stream, got, size);
    if (got > 0)
        return got;
    if (got == 0)
        return ERROR_END;
    return errno == EAGAIN || errno == EINTR ? 0 : ERROR_RESET;
}

long stream_socket_write(struct stream *stream, const struct iovec *iov, int count)
{
    const struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iov,
                                   .msg_iovlen = (size_t)count};
    ssize_t sent;

    if (count == 1)
        sent = send(stream->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
    else
        sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL);
    if (sent >= 0)
        return sent;
    return errno == EAGAIN || errno == EINTR ? 0 : ERROR_RESET;
}
