/* SPDX-License-Identifier: MIT */
/* The listening socket: where it lies, and who may speak. */
#include "control_internal.h"

#include "control/connect.h"
#include "control/listen.h"

#include "base/container_of.h"
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

static void control_drop_socket(struct control *control)
{
    ev_io_stop(control->loop->ev, &control->accept);
    deadline_stop(&control->again);
    if (!control->path)
        return;
    listen_name_remove(control->path, NULL);
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
    fd = listen_local(path, &(struct listen_options){0177, CONTROL_CLIENTS}, NULL);
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
