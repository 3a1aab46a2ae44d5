/* SPDX-License-Identifier: MIT */
/* Channels: order, queues, blobs, descriptors, and peers that break the rules. */
#include "ipc/channel.h"

#include "ipc/descriptors_internal.h"

#include "ipc/datagram.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* One end, and what it saw. */
struct end {
    struct loop *loop;
    struct ipc_channel *channel;
    unsigned messages;
    unsigned wanted; /* stop the loop at so many */
    uint64_t last;
    char blob[64];
    int kept;
    int answer;
    bool free_in_callback;
    char gone[128];
};

struct rig {
    struct loop loop;
    ev_timer limit;
    struct end supervisor;
    struct end worker;
    int raw; /* the supervisor's socket, when there is no channel over it */
};

static int on_message(void *owner, struct ipc_received *received)
{
    struct end *end = owner;

    end->messages++;
    if (received->message == IPC_TENANT || received->message == IPC_TENANT_REMOVE ||
        received->message == IPC_COMMITTED)
        end->last = wire_get_u64(&received->body);
    if (received->blob.len > 0 && received->blob.len < sizeof(end->blob))
        memcpy(end->blob, received->blob.data, received->blob.len);
    if (received->descriptor_count > 0 && end->kept < 0) {
        end->kept = received->descriptors[0];
        received->descriptors[0] = -1;
    }
    if (end->free_in_callback)
        ipc_channel_free(end->channel);
    if (end->messages == end->wanted)
        loop_stop(end->loop);
    return end->answer;
}

static void on_gone(void *owner, const char *reason)
{
    struct end *end = owner;

    snprintf(end->gone, sizeof(end->gone), "%s", reason);
    ipc_channel_free(end->channel);
    loop_stop(end->loop);
}

static const struct ipc_events events = {.on_message = on_message, .on_gone = on_gone};

static void on_limit(struct ev_loop *ev, ev_timer *timer, int revents)
{
    (void)ev;
    (void)revents;
    loop_stop(timer->data);
}

static void rig_open(struct rig *rig, bool raw)
{
    int sockets[2];

    memset(rig, 0, sizeof(*rig));
    loop_init(&rig->loop);
    ev_timer_init(&rig->limit, on_limit, 10., 0.);
    rig->limit.data = &rig->loop;
    ev_timer_start(rig->loop.ev, &rig->limit);
    cr_assert_eq(ipc_pair(sockets), 0);
    rig->raw = sockets[0];
    rig->supervisor.loop = rig->worker.loop = &rig->loop;
    rig->supervisor.kept = rig->worker.kept = -1;
    if (!raw)
        rig->supervisor.channel =
            ipc_channel_new(&rig->loop, sockets[0], (struct ipc_ends){ROLE_SUPERVISOR, ROLE_WORKER},
                            &events, &rig->supervisor);
    rig->worker.channel =
        ipc_channel_new(&rig->loop, sockets[1], (struct ipc_ends){ROLE_WORKER, ROLE_SUPERVISOR},
                        &events, &rig->worker);
}

static void rig_close(struct rig *rig)
{
    ev_timer_stop(rig->loop.ev, &rig->limit);
    if (rig->supervisor.channel && !rig->supervisor.gone[0])
        ipc_channel_free(rig->supervisor.channel);
    if (!rig->worker.gone[0] && !rig->worker.free_in_callback)
        ipc_channel_free(rig->worker.channel);
    if (rig->worker.kept >= 0)
        close(rig->worker.kept);
    loop_free(&rig->loop);
}

static void send_tenant(struct rig *rig, uint64_t serial, struct ipc_blob *blob)
{
    struct wire_writer body;

    wire_writer_init(&body);
    wire_put_u64(&body, serial);
    ipc_send(rig->supervisor.channel, IPC_TENANT, &body, &(struct ipc_attachments){.blob = blob});
    wire_writer_free(&body);
}

Test(channel, a_blob_arrives)
{
    struct rig rig;
    struct ipc_blob *blob = ipc_blob_new(SLICE("bundle"));

    rig_open(&rig, false);
    rig.worker.wanted = 1;
    send_tenant(&rig, 9, blob);
    ipc_blob_unref(blob);
    loop_run(&rig.loop);
    cr_assert_eq(rig.worker.messages, 1);
    cr_assert_eq(rig.worker.last, 9);
    cr_assert_str_eq(rig.worker.blob, "bundle");
    rig_close(&rig);
}

Test(channel, what_does_not_fit_waits_in_order_and_without_descriptors)
{
    struct rig rig;
    struct ipc_blob *blob = ipc_blob_new(SLICE("bundle"));
    int before;

    rig_open(&rig, false);
    rig.worker.wanted = 5000;
    for (uint64_t i = 1; ipc_channel_queued(rig.supervisor.channel) == 0; i++) {
        send_tenant(&rig, i, blob);
        rig.supervisor.last = i;
    }
    before = dup(0);
    close(before);
    while (rig.supervisor.last < 5000)
        send_tenant(&rig, ++rig.supervisor.last, blob);
    cr_assert_gt(ipc_channel_queued(rig.supervisor.channel), 0);
    cr_assert_eq(dup(0), before, "a blob that waits holds a descriptor");
    ipc_blob_unref(blob);
    loop_run(&rig.loop);
    cr_assert_eq(rig.worker.messages, 5000);
    cr_assert_eq(rig.worker.last, 5000);
    cr_assert_eq(ipc_channel_queued(rig.supervisor.channel), 0);
    rig_close(&rig);
}

Test(channel, a_descriptor_that_waits_is_kept_open)
{
    struct rig rig;
    struct ipc_blob *blob = ipc_blob_new(SLICE("bundle"));
    int pipes[2];
    unsigned count = 0;

    rig_open(&rig, false);
    for (; ipc_channel_queued(rig.supervisor.channel) == 0; count++)
        send_tenant(&rig, 1, blob);
    ipc_blob_unref(blob);
    cr_assert_eq(pipe(pipes), 0);
    ipc_send(rig.supervisor.channel, IPC_LISTENER, NULL,
             &(struct ipc_attachments){.descriptors = &pipes[1], .descriptor_count = 1});
    close(pipes[1]);
    cr_assert_eq(ipc_channel_queued_descriptors(rig.supervisor.channel), 1);
    rig.worker.wanted = count + 1;
    loop_run(&rig.loop);
    cr_assert_eq(ipc_channel_queued_descriptors(rig.supervisor.channel), 0);
    cr_assert_eq(rig.worker.messages, count + 1);
    cr_assert_eq(write(rig.worker.kept, "x", 1), 1);
    rig_close(&rig);
}

Test(channel, a_descriptor_that_nobody_keeps_is_closed)
{
    struct rig rig;
    int pipes[2];
    char byte;

    rig_open(&rig, false);
    rig.worker.wanted = 1;
    rig.worker.kept = 0; /* takes none */
    cr_assert_eq(pipe(pipes), 0);
    ipc_send(rig.supervisor.channel, IPC_LISTENER, NULL,
             &(struct ipc_attachments){.descriptors = &pipes[1], .descriptor_count = 1});
    close(pipes[1]);
    loop_run(&rig.loop);
    cr_assert_eq(read(pipes[0], &byte, 1), 0, "the pipe's writing end is still open");
    rig.worker.kept = -1;
    rig_close(&rig);
}

Test(channel, the_other_end_closes_and_its_last_words_are_heard)
{
    struct rig rig;

    rig_open(&rig, false);
    ipc_send(rig.worker.channel, IPC_READY, NULL, NULL);
    ipc_channel_free(rig.worker.channel);
    snprintf(rig.worker.gone, sizeof(rig.worker.gone), "freed");
    ipc_send(rig.supervisor.channel, IPC_DRAIN, NULL, NULL);
    loop_run(&rig.loop);
    cr_assert_eq(rig.supervisor.messages, 1);
    cr_assert_str_eq(rig.supervisor.gone, IPC_REASON_CLOSED);
    rig_close(&rig);
}

Test(channel, unread_messages_do_not_hide_the_last_words)
{
    struct rig rig;

    rig_open(&rig, false);
    ipc_send(rig.supervisor.channel, IPC_DRAIN, NULL, NULL); /* never read: ECONNRESET */
    ipc_send(rig.worker.channel, IPC_READY, NULL, NULL);
    ipc_channel_free(rig.worker.channel);
    snprintf(rig.worker.gone, sizeof(rig.worker.gone), "freed");
    loop_run(&rig.loop);
    cr_assert_eq(rig.supervisor.messages, 1);
    cr_assert_str_eq(rig.supervisor.gone, IPC_REASON_CLOSED);
    rig_close(&rig);
}

/* Whoever finds by other means that the process is dead need not wait for the loop. */
Test(channel, the_rest_is_taken_at_once)
{
    struct rig rig;

    rig_open(&rig, false);
    ipc_send(rig.worker.channel, IPC_READY, NULL, NULL);
    ipc_send(rig.worker.channel, IPC_READY, NULL, NULL);
    ipc_channel_free(rig.worker.channel);
    snprintf(rig.worker.gone, sizeof(rig.worker.gone), "freed");
    ipc_channel_take_rest(rig.supervisor.channel);
    cr_assert_eq(rig.supervisor.messages, 2);
    cr_assert_str_empty(rig.supervisor.gone);
    rig_close(&rig);
}

Test(channel, freed_in_its_own_callback)
{
    struct rig rig;

    rig_open(&rig, false);
    rig.worker.free_in_callback = true;
    rig.worker.wanted = 1;
    ipc_send(rig.supervisor.channel, IPC_DRAIN, NULL, NULL);
    ipc_send(rig.supervisor.channel, IPC_DRAIN, NULL, NULL);
    loop_run(&rig.loop);
    cr_assert_eq(rig.worker.messages, 1);
    rig_close(&rig);
}

Test(channel, an_owner_that_calls_a_message_malformed)
{
    struct rig rig;

    rig_open(&rig, false);
    rig.worker.answer = ERROR_IPC;
    ipc_send(rig.supervisor.channel, IPC_DRAIN, NULL, NULL);
    loop_run(&rig.loop);
    cr_assert_str_eq(rig.worker.gone, "malformed message: DRAIN");
    rig_close(&rig);
}

/* Sends raw bytes to a worker, and tells why it gave the channel up. */
static void expect_refusal(const char *reason, enum ipc_message message, uint32_t blob_len,
                           const int *descriptors, unsigned count)
{
    struct rig rig;
    unsigned char head[IPC_HEADER_SIZE];
    struct iovec part = {head, sizeof(head)};

    rig_open(&rig, true);
    ipc_datagram_head(head, message, blob_len);
    cr_assert_eq(descriptors_send(rig.raw, &part, 1, descriptors, count), 0);
    loop_run(&rig.loop);
    cr_assert_eq(rig.worker.messages, 0);
    cr_assert_str_eq(rig.worker.gone, reason);
    rig_close(&rig);
    close(rig.raw);
}

Test(channel, hostile_peers)
{
    int pipes[2];
    int next;

    cr_assert_eq(pipe(pipes), 0);
    next = dup(0);
    close(next);
    expect_refusal("unknown message: NONE", IPC_MESSAGE_COUNT_, 0, NULL, 0);
    expect_refusal("message that this process may not send: COMMITTED", IPC_COMMITTED, 0, NULL, 0);
    expect_refusal("wrong number of descriptors: DRAIN", IPC_DRAIN, 0, pipes, 2);
    expect_refusal("wrong number of descriptors: TENANT", IPC_TENANT, 0, NULL, 0);
    expect_refusal("blob that is not sealed: TENANT", IPC_TENANT, 4, pipes, 1);
    cr_assert_eq(dup(0), next, "a descriptor was leaked");
}

Test(channel, a_short_and_a_long_datagram)
{
    static char bytes[IPC_HEADER_SIZE + IPC_BODY_MAX + 1];
    struct rig rig;

    rig_open(&rig, true);
    cr_assert_eq(write(rig.raw, bytes, 3), 3);
    loop_run(&rig.loop);
    cr_assert_str_eq(rig.worker.gone, "truncated message: NONE");
    rig_close(&rig);
    close(rig.raw);
    rig_open(&rig, true);
    cr_assert_eq(write(rig.raw, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
    loop_run(&rig.loop);
    cr_assert_str_eq(rig.worker.gone, "truncated message");
    rig_close(&rig);
    close(rig.raw);
}

/* The reserve: a worker that is out of descriptors still gets its messages. */
Test(channel, receives_when_no_descriptor_is_left)
{
    struct rig rig;
    struct ipc_blob *blob = ipc_blob_new(SLICE("bundle"));
    struct rlimit limit;
    int last;

    rig_open(&rig, false);
    send_tenant(&rig, 1, blob);
    ipc_blob_unref(blob);
    last = dup(0);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)last + 1;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_lt(dup(0), 0);
    rig.worker.wanted = 1;
    loop_run(&rig.loop);
    cr_assert_eq(rig.worker.messages, 1);
    cr_assert_str_eq(rig.worker.blob, "bundle");
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    rig_close(&rig);
}

Test(channel, sends_later_when_no_descriptor_is_left)
{
    struct rig rig;
    struct ipc_blob *blob = ipc_blob_new(SLICE("bundle"));
    struct rlimit limit;
    struct rlimit full;

    rig_open(&rig, false);
    getrlimit(RLIMIT_NOFILE, &full);
    limit = full;
    limit.rlim_cur = (rlim_t)dup(0) + 1;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    send_tenant(&rig, 1, blob);
    ipc_blob_unref(blob);
    cr_assert_eq(ipc_channel_queued(rig.supervisor.channel), 1);
    setrlimit(RLIMIT_NOFILE, &full);
    rig.worker.wanted = 1;
    loop_run(&rig.loop);
    cr_assert_eq(rig.worker.messages, 1);
    rig_close(&rig);
}

/* Serials up to 10 are taken, up to 20 passed over, others end it. */
static enum ipc_admission admit(void *owner, const struct ipc_announced *announced)
{
    struct wire_reader body = announced->body;
    uint64_t serial = wire_get_u64(&body);

    cr_assert_eq(((struct end *)owner)->messages, serial == 1 ? 0u : serial > 20 ? 2u : 1u);
    cr_assert_eq(announced->message, IPC_TENANT);
    cr_assert_eq(announced->blob_len, 6);
    if (serial > 20)
        return IPC_REFUSED;
    return serial > 10 ? IPC_DROPPED : IPC_ADMITTED;
}

Test(channel, its_owner_is_asked_before_anything_is_mapped)
{
    struct rig rig;
    struct ipc_blob *blob = ipc_blob_new(SLICE("bundle"));

    rig_open(&rig, false);
    ipc_channel_set_admit(rig.worker.channel, admit);
    send_tenant(&rig, 1, blob);
    send_tenant(&rig, 11, blob);
    send_tenant(&rig, 2, blob);
    rig.worker.wanted = 2;
    loop_run(&rig.loop);
    cr_assert_eq(rig.worker.messages, 2);
    cr_assert_eq(rig.worker.last, 2);
    send_tenant(&rig, 21, blob);
    ipc_blob_unref(blob);
    loop_run(&rig.loop);
    cr_assert_eq(rig.worker.messages, 2);
    cr_assert_str_eq(rig.worker.gone, "refused message: TENANT");
    rig_close(&rig);
}
