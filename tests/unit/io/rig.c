/* SPDX-License-Identifier: MIT */
/* The rig: see its header. */
#include "rig.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static void on_open(void *owner)
{
    struct rig *rig = owner;

    rig->opened++;
}

static void read_some(struct rig *rig)
{
    size_t before = rig->in.len;
    long got = stream_read(rig->stream, &rig->in, rig->limit);

    if (got < 0)
        rig->ended = (enum error)got;
    else
        cr_assert_eq(rig->in.len - before, (size_t)got);
}

static void on_readable(void *owner)
{
    struct rig *rig = owner;

    rig->readable++;
    if (!rig->keeps_away)
        read_some(rig);
}

static void on_writable(void *owner)
{
    struct rig *rig = owner;

    rig->drained++;
}

static void on_failed(void *owner, enum error error)
{
    struct rig *rig = owner;

    cr_assert_eq(rig->failed, ERROR_NONE);
    rig->failed = error;
    rig->failed_errno = stream_errno(rig->stream);
    while (rig->reads_on_failure && !rig->ended)
        read_some(rig);
    stream_close(rig->stream);
    rig->stream = NULL;
}

const struct stream_events rig_events = {on_open, on_readable, on_writable, on_failed};

static void set_nonblocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void rig_tcp_pair(int *ours, int *peer)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(listener, (struct sockaddr *)&at, len), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    *peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(*peer, (struct sockaddr *)&at, len), 0);
    *ours = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    cr_assert_geq(*ours, 0);
    close(listener);
    set_nonblocking(*peer);
}

void rig_start(struct rig *rig)
{
    int ours;

    memset(rig, 0, sizeof(*rig));
    rig->limit = 64 * 1024;
    loop_init(&rig->loop);
    chain_init(&rig->in, &rig->loop.buffers);
    rig_tcp_pair(&ours, &rig->peer);
    rig->stream = stream_new(&rig->loop, ours, &rig_events, rig);
}

void rig_stop(struct rig *rig)
{
    stream_close(rig->stream);
    chain_clear(&rig->in);
    if (rig->peer >= 0)
        close(rig->peer);
    loop_free(&rig->loop);
    cr_assert_eq(rig->loop.buffers.held, 0);
}

void rig_turn(struct rig *rig)
{
    ev_run(rig->loop.ev, EVRUN_NOWAIT);
    poll(NULL, 0, 1);
}

void rig_write(struct rig *rig, const char *data, size_t len)
{
    struct chain chain;

    chain_init(&chain, &rig->loop.buffers);
    chain_append(&chain, data, len);
    stream_write(rig->stream, &chain);
    cr_assert_eq(chain.len, 0);
}

long rig_take(struct rig *rig, char *data, size_t size)
{
    return recv(rig->peer, data, size, 0);
}

void rig_send(struct rig *rig, const void *data, size_t len)
{
    cr_assert_eq(send(rig->peer, data, len, MSG_NOSIGNAL), (ssize_t)len);
}
