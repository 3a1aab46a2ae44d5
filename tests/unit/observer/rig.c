/* SPDX-License-Identifier: MIT */
/* A server on an abstract Unix socket, turned by hand. */
#include "observer/rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 20000

static void count(void *owner)
{
    ((struct rig *)owner)->asked++;
}

void rig_open(struct rig *rig, const char *names)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memset(rig, 0, sizeof(*rig));
    loop_init(&rig->loop);
    server_init(&rig->server, &rig->loop, count, rig);
    rig->address.sun_family = AF_UNIX;
    snprintf(rig->address.sun_path + 1, sizeof(rig->address.sun_path) - 1, "nsg-observer-%d",
             (int)getpid());
    cr_assert_eq(bind(fd, (struct sockaddr *)&rig->address, sizeof(rig->address)), 0);
    cr_assert_eq(listen(fd, 200), 0);
    server_open(&rig->server, fd, names ? SLICE("127.0.0.1:1") : SLICE("unix:/x"),
                slice_of(names ? names : ""));
}

void rig_close(struct rig *rig)
{
    server_free(&rig->server);
    loop_free(&rig->loop);
}

int rig_connect(const struct rig *rig)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    cr_assert_eq(connect(fd, (const struct sockaddr *)&rig->address, sizeof(rig->address)), 0);
    return fd;
}

void rig_send(int fd, const char *text)
{
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

void rig_turn(struct rig *rig)
{
    ev_run(rig->loop.ev, EVRUN_NOWAIT);
}

/* Returns whether the other end has closed. */
static bool take(struct rig *rig, int fd)
{
    ssize_t count;

    rig_turn(rig);
    count = read(fd, rig->said + rig->len, sizeof(rig->said) - 1 - rig->len);
    if (count > 0)
        rig->len += (size_t)count;
    rig->said[rig->len] = '\0';
    if (count < 0)
        usleep(500);
    return count == 0 || (count < 0 && errno != EAGAIN);
}

void rig_hear(struct rig *rig, int fd, const char *text)
{
    rig->len = 0;
    for (int i = 0; i < TURNS; i++) {
        bool has_ended = take(rig, fd);

        if (strstr(rig->said, text))
            return;
        cr_assert_not(has_ended, "closed without \"%s\": %s", text, rig->said);
    }
    cr_assert_fail("no \"%s\": %s", text, rig->said);
}

void rig_end(struct rig *rig, int fd)
{
    rig->len = 0;
    for (int i = 0; i < TURNS; i++) {
        if (take(rig, fd)) {
            close(fd);
            return;
        }
    }
    cr_assert_fail("it is not closed: %s", rig->said);
}

void rig_tell(struct rig *rig, const char *lines)
{
    int sockets[2];

    if (!lines) {
        status_on_connection(&rig->server.status, -1);
        return;
    }
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets), 0);
    rig_send(sockets[1], lines);
    close(sockets[1]);
    status_on_connection(&rig->server.status, sockets[0]);
}
