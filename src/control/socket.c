/* SPDX-License-Identifier: MIT */
/* The listening socket: where it lies, and who may speak. */
#include "control_internal.h"

#include "control/connect.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_CLIENTS 16  /* at a time; further ones wait in the backlog */
#define CONTROL_AGAIN   1.0 /* seconds until accept(2) is tried again after a failure */

/* ---- the socket ---- */

/* Whether somebody listens there. A full backlog is somebody's, too. */
static bool control_is_alive(const char *path)
{
    int fd = control_reach(path, SOCK_NONBLOCK);

    if (fd < 0)
        return errno == EAGAIN;
    close(fd);
    return true;
}

/* errno stays. */
static void control_remove(const char *path)
{
    struct stat status;
    int saved = errno;

    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode))
        unlink(path);
    errno = saved;
}

/* Takes what an nsgate that was killed has left out of the way: never what is no socket, nor what
 * is another's. One that has come in between, of an nsgate that starts as we do, is put back. */
static int control_clear(const char *path, const char *aside)
{
    struct stat status;

    errno = EEXIST;
    if (lstat(path, &status) < 0 || !S_ISSOCK(status.st_mode))
        return -1;
    if (control_is_alive(path)) {
        errno = EADDRINUSE;
        return -1;
    }
    if (rename(path, aside) < 0)
        return errno == ENOENT ? 0 : -1;
    if (!control_is_alive(aside))
        return unlink(aside);
    if (rename(aside, path) == 0)
        errno = EADDRINUSE;
    return -1;
}

/* The socket listens before it gets its name: nobody finds one there that seems dead. */
static int control_take_name(const char *fresh, const char *path)
{
    char aside[PATH_MAX + 32];
    int result;

    snprintf(aside, sizeof(aside), "%s.old", fresh);
    do
        result = link(fresh, path);
    while (result < 0 && errno == EEXIST && control_clear(path, aside) == 0);
    return result;
}

/* Nobody can connect before the mode is right: bind(2) makes the file with it. */
static int control_bind(int fd, const char *fresh)
{
    struct sockaddr_un address;
    int folder = control_address(fresh, &address);
    mode_t mask;
    int result;

    if (folder < 0)
        return -1;
    control_remove(fresh);
    mask = umask(0177);
    result = bind(fd, (struct sockaddr *)&address, sizeof(address));
    umask(mask); /* it never fails */
    descriptor_close(folder);
    return result;
}

static int control_listen(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const char *slash = strrchr(path, '/');
    char fresh[PATH_MAX + 16];

    snprintf(fresh, sizeof(fresh), "%.*s.nsgate-%d", slash ? (int)(slash - path) + 1 : 0, path,
             (int)getpid());
    if (fd >= 0 && (control_bind(fd, fresh) < 0 || listen(fd, CONTROL_CLIENTS) < 0 ||
                    control_take_name(fresh, path) < 0))
        fd = descriptor_close(fd);
    control_remove(fresh);
    return fd;
}

static void control_drop_socket(struct control *control)
{
    ev_io_stop(control->loop->ev, &control->accept);
    deadline_stop(&control->again);
    if (!control->path)
        return;
    control_remove(control->path);
    if (control->config)
        control_link_remove(control->config, control->path);
    close(control->fd);
    free(control->path);
    control->path = NULL;
}

static const char *control_reason(int error)
{
    if (error == EADDRINUSE)
        return "it belongs to an nsgate that runs";
    return error == EEXIST ? "something else lies there" : error_reason(error);
}

int control_open(struct control *control, const char *pid_file, char *text, size_t size)
{
    char *path = control_path(pid_file);
    int fd;

    if (control->path && strcmp(control->path, path) == 0) {
        free(path);
        return 0;
    }
    fd = control_listen(path);
    if (fd < 0)
        snprintf(text, size, "cannot make the control socket %s: %s", path, control_reason(errno));
    else
        control_adopt(control, fd, path);
    free(path);
    return fd < 0 ? -1 : 0;
}

int control_try(const char *pid_file, char *text, size_t size)
{
    char *path = control_path(pid_file);
    struct stat status;
    int result = lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode) ? -1 : 0;

    if (result < 0)
        snprintf(text, size, "cannot make the control socket %s: %s", path, control_reason(EEXIST));
    free(path);
    return result;
}

/* ---- who connects ---- */

static bool control_may_speak(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

static void control_on_again(struct deadline *again)
{
    struct control *control = CONTAINER_OF(again, struct control, again);

    control_on_room(control);
}

/* One connection a turn: nobody else waits for it. */
static void control_on_connection(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct control *control = watcher->data;
    int fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return;
        log_error("cannot accept on the control socket: %s", strerror(errno));
        ev_io_stop(ev, watcher);
        deadline_set(&control->again, CONTROL_AGAIN);
        return;
    }
    if (!control_may_speak(fd)) {
        close(fd);
        return;
    }
    control_client_new(control, fd, false);
    if (control->count >= CONTROL_CLIENTS)
        ev_io_stop(ev, watcher);
}

void control_on_room(struct control *control)
{
    if (control->path && control->count < CONTROL_CLIENTS && !deadline_is_set(&control->again))
        ev_io_start(control->loop->ev, &control->accept);
}

void control_adopt(struct control *control, int fd, const char *path)
{
    control_drop_socket(control);
    control->path = memory_text(path);
    control->fd = fd;
    if (control->config)
        control_link_add(control->config, path);
    ev_io_set(&control->accept, fd, EV_READ);
    control_on_room(control);
}

void control_init(struct control *control, struct loop *loop, const char *config,
                  const struct control_request *requests, void *owner)
{
    *control = (struct control){
        .loop = loop, .config = config, .requests = requests, .owner = owner, .fd = -1};
    TAILQ_INIT(&control->clients);
    ev_io_init(&control->accept, control_on_connection, -1, EV_READ);
    deadline_init(&control->again, loop, control_on_again);
    control->accept.data = control;
}

void control_close(struct control *control)
{
    struct control_client *client;

    control_drop_socket(control);
    while ((client = TAILQ_FIRST(&control->clients)))
        control_client_close(client);
}
