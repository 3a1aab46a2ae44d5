/* SPDX-License-Identifier: MIT */
/* One end of a channel: sending with a queue, receiving with checks, and its end. */
#include "ipc/channel.h"

#include "blob_internal.h"
#include "descriptors_internal.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/memory.h"
#include "io/deadline.h"
#include "io/watch.h"
#include "ipc/datagram.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Messages taken in one turn, so that a talkative peer does not starve the others. */
#define CHANNEL_TURN 64
#define CHANNEL_REST 4096 /* messages taken of a process that has died */
/* Seconds until sending is tried again when it lacked descriptors or memory, not room. */
#define CHANNEL_RETRY    0.1
#define CHANNEL_DATAGRAM (IPC_HEADER_SIZE + IPC_BODY_MAX)
enum channel_state {
    CHANNEL_OPEN,
    CHANNEL_FAILED, /* on_gone is due or was called */
    CHANNEL_CLOSED  /* waits for the turn's end */
};

/* A message that waits for the socket. */
struct channel_item {
    STAILQ_ENTRY(channel_item) next;
    enum ipc_message message;
    struct ipc_blob *blob;
    int descriptors[IPC_DESCRIPTORS_MAX];
    unsigned descriptor_count;
    size_t body_len;
    unsigned char body[];
};

struct ipc_channel {
    struct loop *loop;
    int fd;
    struct ipc_ends ends;
    const struct ipc_events *events;
    enum ipc_admission (*admit)(void *owner, const struct ipc_announced *announced); /* or NULL */
    void *owner;
    enum channel_state state;
    struct loop_watch watch;
    struct deadline retry;
    STAILQ_HEAD(, channel_item) queue;
    unsigned queued;
    unsigned queued_descriptors; /* of those, not counting blobs */
    int reserve; /* a descriptor kept aside for messages that keep none, when there is no other */
    struct loop_task failure;
    struct loop_task grave;
    char reason[128];
};

int ipc_pair(int sockets[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets);
}

static void channel_item_free(struct channel_item *item)
{
    ipc_blob_unref(item->blob);
    descriptors_close(item->descriptors, item->descriptor_count);
    memory_wipe_free(item, sizeof(*item) + item->body_len);
}

static void channel_set_queued(struct ipc_channel *channel, unsigned queued)
{
    channel->queued = queued;
    if (channel->events->on_queue)
        channel->events->on_queue(channel->owner, queued);
}

static void channel_wait_to_send(struct ipc_channel *channel, bool waits)
{
    if (channel->watch.fd >= 0)
        watch_change(&channel->watch, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void channel_drop_queue(struct ipc_channel *channel)
{
    struct channel_item *item;

    while ((item = STAILQ_FIRST(&channel->queue))) {
        STAILQ_REMOVE_HEAD(&channel->queue, next);
        channel_item_free(item);
    }
    channel->queued_descriptors = 0;
    channel_set_queued(channel, 0);
    channel_wait_to_send(channel, false);
    deadline_stop(&channel->retry);
}

/* The owner is told at the turn's end, never from inside its own call. */
static void channel_fail(struct ipc_channel *channel, const char *reason, const char *detail)
{
    if (channel->state != CHANNEL_OPEN)
        return;
    channel->state = CHANNEL_FAILED;
    snprintf(channel->reason, sizeof(channel->reason), "%s%s%s", reason, detail ? ": " : "",
             detail ? detail : "");
    watch_stop(&channel->watch);
    channel_drop_queue(channel);
    loop_defer(channel->loop, &channel->failure);
}

static void channel_on_failure(struct loop_task *task)
{
    struct ipc_channel *channel = CONTAINER_OF(task, struct ipc_channel, failure);

    channel->events->on_gone(channel->owner, channel->reason);
}

/* ---- receiving ---- */

static void channel_reserve(struct ipc_channel *channel)
{
    if (channel->reserve < 0)
        channel->reserve = fcntl(channel->fd, F_DUPFD_CLOEXEC, 0);
}

/* What has come, IPC_NONE when there is no such message. */
static enum ipc_message channel_kind(const char *bytes, ssize_t len)
{
    uint32_t message = IPC_NONE;

    if (len >= (ssize_t)sizeof(message))
        memcpy(&message, bytes, sizeof(message));
    return message < IPC_MESSAGE_COUNT_ ? (enum ipc_message)message : IPC_NONE;
}

/* Looks at the next message. Where the process has too few descriptors for it, one that keeps none
 * (a blob is closed again at once, and a log takes the place of another) gets the one that is kept
 * aside; for others the owner makes room. */
static ssize_t channel_look(struct ipc_channel *channel, char bytes[CHANNEL_DATAGRAM],
                            struct descriptors *found)
{
    ssize_t len = descriptors_look(channel->fd, bytes, CHANNEL_DATAGRAM, found);
    enum ipc_message message = channel_kind(bytes, len);
    unsigned most = ipc_message_descriptors(message);

    if (len <= 0 || !found->is_lacking)
        return len;
    descriptors_close(found->fds, found->count);
    if (message == IPC_LOG || ipc_message_has_blob(message))
        descriptors_close(&channel->reserve, 1);
    else if (channel->events->on_short && found->count < most)
        channel->events->on_short(channel->owner, most - found->count);
    return descriptors_look(channel->fd, bytes, CHANNEL_DATAGRAM, found);
}

/* Maps the blob, which is the last descriptor. Returns a reason why not. */
static const char *channel_take_blob(struct ipc_channel *channel, struct descriptors *found,
                                     uint32_t len, struct slice *blob)
{
    const char *reason = blob_map(found->fds[found->count - 1], len, blob);

    if (reason)
        return reason;
    descriptors_close(&found->fds[--found->count], 1);
    channel_reserve(channel);
    return NULL;
}

/* Whether the owner wants to see it. */
static bool channel_admits(struct ipc_channel *channel, const struct ipc_datagram *datagram)
{
    struct ipc_announced announced = {.message = datagram->message, .blob_len = datagram->blob_len};
    enum ipc_admission admission = IPC_ADMITTED;

    wire_reader_init(&announced.body, datagram->body);
    if (channel->admit)
        admission = channel->admit(channel->owner, &announced);
    if (admission == IPC_REFUSED)
        channel_fail(channel, IPC_REASON_REFUSED, ipc_message_name(datagram->message));
    return admission == IPC_ADMITTED;
}

/* Checks one datagram and shows it to the owner. */
static void channel_deliver(struct ipc_channel *channel, struct slice bytes,
                            struct descriptors *found)
{
    unsigned count = found->is_lacking ? IPC_DESCRIPTORS_LACKING : found->count;
    struct ipc_datagram datagram;
    struct ipc_received received = {.is_short = found->is_lacking};
    const char *reason;

    if (ipc_datagram_decode(&datagram, bytes, channel->ends, count, &reason) != 0) {
        channel_fail(channel, reason, ipc_message_name(datagram.message));
        return;
    }
    if (!channel_admits(channel, &datagram))
        return;
    if (found->is_lacking)
        descriptors_close(found->fds, found->count);
    if (ipc_message_has_blob(datagram.message)) {
        reason = found->is_lacking
                     ? "no descriptor is left for it"
                     : channel_take_blob(channel, found, datagram.blob_len, &received.blob);
        if (reason) {
            channel_fail(channel, reason, ipc_message_name(datagram.message));
            return;
        }
    }
    received.message = datagram.message;
    received.descriptor_count = found->is_lacking ? 0 : found->count;
    wire_reader_init(&received.body, datagram.body);
    memcpy(received.descriptors, found->fds, received.descriptor_count * sizeof(int));
    if (channel->events->on_message(channel->owner, &received) != 0)
        channel_fail(channel, "malformed message", ipc_message_name(datagram.message));
    memcpy(found->fds, received.descriptors, received.descriptor_count * sizeof(int));
    blob_unmap(received.blob);
}

/* Returns whether another message may wait. */
static bool channel_receive(struct ipc_channel *channel)
{
    char bytes[CHANNEL_DATAGRAM];
    struct descriptors found;
    ssize_t len = channel_look(channel, bytes, &found);

    if (len < 0) {
        int error = errno;

        /* ECONNRESET comes once, when the peer left unread messages; what it sent follows. */
        if (error == EAGAIN || error == EINTR || error == ECONNRESET)
            return error != EAGAIN;
        channel_fail(channel, "cannot receive", strerror(error));
        return false;
    }
    descriptors_drop(channel->fd);
    if (len == 0)
        channel_fail(channel, IPC_REASON_CLOSED, NULL);
    else if (found.is_cut)
        channel_fail(channel, "truncated message", NULL);
    else
        channel_deliver(channel, (struct slice){bytes, (size_t)len}, &found);
    descriptors_close(found.fds, found.count);
    if (channel->state != CHANNEL_OPEN)
        return false;
    channel_reserve(channel);
    return true;
}

void ipc_channel_take_rest(struct ipc_channel *channel)
{
    /* More than its socket's buffer holds: who passed its end on to others is not heard for ever.
     */
    for (unsigned i = 0;
         i < CHANNEL_REST && channel->state == CHANNEL_OPEN && channel_receive(channel); i++)
        ;
}

/* ---- sending ---- */

enum channel_sent { SENT, SENT_LATER, SENT_NEVER };

/* What sendmsg(2) and memfd_create(2) may lack for a while. */
static enum channel_sent channel_cannot_send(struct ipc_channel *channel, int error)
{
    switch (error) {
    case EAGAIN:
        channel_wait_to_send(channel, true);
        return SENT_LATER;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case ETOOMANYREFS: /* too many descriptors in flight (unix(7)) */
        deadline_set(&channel->retry, CHANNEL_RETRY);
        return SENT_LATER;
    case EPIPE:
    case ECONNRESET:
        return SENT_NEVER; /* what the peer last said is still read, and its end found there */
    default:
        channel_fail(channel, "cannot send", strerror(error));
        return SENT_NEVER;
    }
}

static enum channel_sent channel_send_item(struct ipc_channel *channel,
                                           const struct channel_item *item,
                                           const unsigned char *body)
{
    unsigned char head[IPC_HEADER_SIZE];
    int descriptors[DESCRIPTORS_ROOM];
    unsigned count = item->descriptor_count;
    struct iovec parts[2] = {{head, sizeof(head)}, {(void *)body, item->body_len}};
    int memory = -1;
    int error;

    memcpy(descriptors, item->descriptors, count * sizeof(descriptors[0]));
    if (item->blob) {
        memory = blob_to_memfd(item->blob);
        if (memory < 0)
            return channel_cannot_send(channel, errno);
        descriptors[count++] = memory;
    }
    ipc_datagram_head(head, item->message,
                      item->blob ? (uint32_t)ipc_blob_bytes(item->blob).len : 0);
    error = descriptors_send(channel->fd, parts, 2, descriptors, count);
    descriptor_close(memory);
    return error == 0 ? SENT : channel_cannot_send(channel, error);
}

static void channel_flush(struct ipc_channel *channel)
{
    struct channel_item *item;

    while (channel->state == CHANNEL_OPEN && (item = STAILQ_FIRST(&channel->queue))) {
        enum channel_sent sent = channel_send_item(channel, item, item->body);

        if (sent == SENT_LATER)
            return;
        if (sent == SENT_NEVER) {
            channel_drop_queue(channel);
            return;
        }
        STAILQ_REMOVE_HEAD(&channel->queue, next);
        channel_set_queued(channel, channel->queued - 1);
        channel->queued_descriptors -= item->descriptor_count;
        channel_item_free(item);
    }
    channel_wait_to_send(channel, false);
}

static void channel_on_socket(struct loop_task *task)
{
    struct ipc_channel *channel = CONTAINER_OF(task, struct ipc_channel, watch.task);
    uint32_t told = watch_take(&channel->watch);

    if (told & (EPOLLOUT | EPOLLERR | EPOLLHUP) && channel->watch.wanted & EPOLLOUT)
        channel_flush(channel);
    if (!(told & (EPOLLIN | EPOLLERR | EPOLLHUP)) || channel->state != CHANNEL_OPEN)
        return;
    for (unsigned i = 0; i < CHANNEL_TURN && channel_receive(channel); i++)
        if (loop_should_yield(channel->loop))
            return; /* the rest is told of again */
}

static void channel_on_retry(struct deadline *retry)
{
    channel_flush(CONTAINER_OF(retry, struct ipc_channel, retry));
}

static void channel_enqueue(struct ipc_channel *channel, const struct channel_item *like,
                            const unsigned char *body)
{
    struct channel_item *item = memory_alloc(sizeof(*item) + like->body_len);

    *item = *like;
    if (like->body_len > 0)
        memcpy(item->body, body, like->body_len);
    item->descriptor_count = 0;
    if (item->blob)
        ipc_blob_ref(item->blob);
    for (unsigned i = 0; i < like->descriptor_count; i++) {
        int copy = fcntl(like->descriptors[i], F_DUPFD_CLOEXEC, 0);

        if (copy < 0) {
            channel_item_free(item);
            channel_fail(channel, "cannot keep a descriptor", strerror(errno));
            return;
        }
        item->descriptors[item->descriptor_count++] = copy;
    }
    STAILQ_INSERT_TAIL(&channel->queue, item, next);
    channel_set_queued(channel, channel->queued + 1);
    channel->queued_descriptors += item->descriptor_count;
}

void ipc_send(struct ipc_channel *channel, enum ipc_message message, const struct wire_writer *body,
              const struct ipc_attachments *attachments)
{
    static const struct ipc_attachments none;
    const struct ipc_attachments *with = attachments ? attachments : &none;
    struct slice bytes = body ? wire_written(body) : (struct slice){NULL, 0};
    struct channel_item item = {.message = message, .blob = with->blob, .body_len = bytes.len};

    assert(ipc_message_is_allowed(message, channel->ends.self, channel->ends.peer));
    assert(with->descriptor_count >= ipc_message_least_descriptors(message));
    assert(with->descriptor_count <= ipc_message_descriptors(message));
    assert(!with->blob == !ipc_message_has_blob(message));
    assert(bytes.len <= IPC_BODY_MAX);
    if (channel->state != CHANNEL_OPEN)
        return;
    if (with->descriptor_count > 0)
        memcpy(item.descriptors, with->descriptors, with->descriptor_count * sizeof(int));
    item.descriptor_count = with->descriptor_count;
    if (!STAILQ_EMPTY(&channel->queue) ||
        channel_send_item(channel, &item, (const unsigned char *)bytes.data) == SENT_LATER)
        channel_enqueue(channel, &item, (const unsigned char *)bytes.data);
}

int ipc_channel_descriptor(const struct ipc_channel *channel)
{
    return channel->fd;
}

unsigned ipc_channel_queued(const struct ipc_channel *channel)
{
    return channel->queued;
}

unsigned ipc_channel_queued_descriptors(const struct ipc_channel *channel)
{
    return channel->queued_descriptors;
}

/* ---- life ---- */

struct ipc_channel *ipc_channel_new(struct loop *loop, int fd, struct ipc_ends ends,
                                    const struct ipc_events *events, void *owner)
{
    struct ipc_channel *channel = memory_zeroed(1, sizeof(*channel));

    channel->loop = loop;
    channel->fd = fd;
    channel->ends = ends;
    channel->events = events;
    channel->owner = owner;
    channel->state = CHANNEL_OPEN;
    channel->failure.run = channel_on_failure;
    STAILQ_INIT(&channel->queue);
    channel->reserve = -1;
    channel_reserve(channel);
    channel->watch.task.run = channel_on_socket;
    deadline_init(&channel->retry, loop, channel_on_retry);
    watch_start(&channel->watch, loop, fd, EPOLLIN);
    return channel;
}

void ipc_channel_set_admit(struct ipc_channel *channel,
                           enum ipc_admission (*admit)(void *owner,
                                                       const struct ipc_announced *announced))
{
    channel->admit = admit;
}

static void channel_on_grave(struct loop_task *task)
{
    free(CONTAINER_OF(task, struct ipc_channel, grave));
}

void ipc_channel_free(struct ipc_channel *channel)
{
    if (!channel || channel->state == CHANNEL_CLOSED)
        return;
    channel->state = CHANNEL_CLOSED;
    watch_stop(&channel->watch);
    channel_drop_queue(channel);
    loop_cancel(channel->loop, &channel->failure);
    descriptors_close(&channel->reserve, 1);
    channel->fd = descriptor_close(channel->fd);
    channel->grave.run = channel_on_grave;
    loop_bury(channel->loop, &channel->grave);
}
