/* SPDX-License-Identifier: MIT */
/* The control socket: where it lies, how it is reached, and who may speak. */
#include "control_client_internal.h"
#include "supervisor_internal.h"
#include "whereabouts_internal.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_CLIENTS 16  /* at a time; further ones wait in the backlog */
#define CONTROL_CONNECT 5   /* seconds that a client waits for a place in the backlog */
#define CONTROL_AGAIN   1.0 /* seconds until accept(2) is tried again after a failure */

char *control_path(const char *pid_file)
{
    struct slice name = slice_of(pid_file);
    char *path;

    if (slice_ends_with(name, SLICE(".pid")))
        name.len -= 4;
    path = memory_alloc(name.len + sizeof(".sock"));
    memcpy(path, name.data, name.len);
    memcpy(path + name.len, ".sock", sizeof(".sock"));
    return path;
}

/* ---- the socket ---- */

/* A path of any length fits sun_path (unix(7)) by way of its folder's descriptor. Returns that, or
 * -1 with errno. */
static int control_address(const char *path, struct sockaddr_un *address)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? memory_slice_text((struct slice){path, (size_t)(slash - path) + 1})
                         : memory_text(".");
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int len;

    free(folder);
    if (fd < 0)
        return -1;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    len = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", fd,
                   slash ? slash + 1 : path);
    if (len < (int)sizeof(address->sun_path))
        return fd;
    close(fd);
    errno = ENAMETOOLONG;
    return -1;
}

/* kind: SOCK_NONBLOCK to wait for nobody. Returns a connection, or -1 with errno. */
static int control_reach(const char *path, int kind)
{
    struct timeval limit = {.tv_sec = CONTROL_CONNECT};
    struct sockaddr_un address;
    int folder = control_address(path, &address);
    int fd = folder < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | kind, 0);
    int saved;

    /* SO_SNDTIMEO is what connect(2) waits at most for room in the backlog. */
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
                    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)) {
        saved = errno;
        close(fd);
        errno = saved;
        fd = -1;
    }
    saved = errno;
    if (folder >= 0)
        close(folder);
    errno = saved;
    return fd;
}

int control_connect(const char *path)
{
    return control_reach(path, 0);
}

/* Whether somebody listens there. A full backlog is somebody's, too. */
static bool control_is_alive(const char *path)
{
    int fd = control_reach(path, SOCK_NONBLOCK);

    if (fd < 0)
        return errno == EAGAIN;
    close(fd);
    return true;
}

static void control_remove(const char *path)
{
    struct stat status;

    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode))
        unlink(path);
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
    int saved;

    if (folder < 0)
        return -1;
    control_remove(fresh);
    mask = umask(0177);
    result = bind(fd, (struct sockaddr *)&address, sizeof(address));
    saved = errno;
    umask(mask);
    close(folder);
    errno = saved;
    return result;
}

static int control_listen(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const char *slash = strrchr(path, '/');
    char fresh[PATH_MAX + 16];
    bool is_done;
    int saved;

    snprintf(fresh, sizeof(fresh), "%.*s.nsgate-%d", slash ? (int)(slash - path) + 1 : 0, path,
             (int)getpid());
    is_done = fd >= 0 && control_bind(fd, fresh) == 0 && listen(fd, CONTROL_CLIENTS) == 0 &&
              control_take_name(fresh, path) == 0;
    saved = errno;
    control_remove(fresh);
    if (fd >= 0 && !is_done)
        close(fd);
    errno = saved;
    return is_done ? fd : -1;
}

static void control_drop_socket(struct supervisor *supervisor)
{
    struct control *control = &supervisor->control;

    ev_io_stop(supervisor->loop.ev, &control->accept);
    ev_timer_stop(supervisor->loop.ev, &control->again);
    if (!control->path)
        return;
    control_remove(control->path);
    whereabouts_forget(supervisor->config, control->path);
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

int control_open(struct supervisor *supervisor, const char *pid_file, char text[SETTING_TEXT])
{
    char *path = control_path(pid_file);
    int fd;

    if (supervisor->control.path && strcmp(supervisor->control.path, path) == 0) {
        free(path);
        return 0;
    }
    fd = control_listen(path);
    if (fd < 0)
        snprintf(text, SETTING_TEXT, "cannot make the control socket %s: %s", path,
                 control_reason(errno));
    else
        control_adopt(supervisor, fd, path);
    free(path);
    return fd < 0 ? -1 : 0;
}

int control_try(const char *pid_file, char text[SETTING_TEXT])
{
    char *path = control_path(pid_file);
    struct stat status;
    int result = lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode) ? -1 : 0;

    if (result < 0)
        snprintf(text, SETTING_TEXT, "cannot make the control socket %s: %s", path,
                 control_reason(EEXIST));
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

static void control_on_again(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;

    (void)events;
    ev_timer_stop(ev, timer);
    control_on_room(supervisor);
}

/* One connection a turn: nobody else waits for it. */
static void control_on_connection(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct supervisor *supervisor = watcher->data;
    int fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return;
        log_error("cannot accept on the control socket: %s", strerror(errno));
        ev_io_stop(ev, watcher);
        ev_timer_set(&supervisor->control.again, CONTROL_AGAIN, 0.);
        ev_timer_start(ev, &supervisor->control.again);
        return;
    }
    if (!control_may_speak(fd)) {
        close(fd);
        return;
    }
    control_client_new(supervisor, fd);
    if (supervisor->control.count >= CONTROL_CLIENTS)
        ev_io_stop(ev, watcher);
}

void control_on_room(struct supervisor *supervisor)
{
    struct control *control = &supervisor->control;

    if (control->path && control->count < CONTROL_CLIENTS && !ev_is_active(&control->again))
        ev_io_start(supervisor->loop.ev, &control->accept);
}

void control_adopt(struct supervisor *supervisor, int fd, const char *path)
{
    control_drop_socket(supervisor);
    supervisor->control.path = memory_text(path);
    whereabouts_note(supervisor->config, path);
    supervisor->control.fd = fd;
    ev_io_set(&supervisor->control.accept, fd, EV_READ);
    control_on_room(supervisor);
}

void control_init(struct supervisor *supervisor)
{
    struct control *control = &supervisor->control;

    TAILQ_INIT(&control->clients);
    ev_io_init(&control->accept, control_on_connection, -1, EV_READ);
    ev_timer_init(&control->again, control_on_again, 0., 0.);
    control->accept.data = supervisor;
    control->again.data = supervisor;
}

void control_close(struct supervisor *supervisor)
{
    struct control_client *client;

    control_drop_socket(supervisor);
    while ((client = TAILQ_FIRST(&supervisor->control.clients)))
        control_client_close(client);
}
