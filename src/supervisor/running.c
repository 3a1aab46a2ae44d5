/* SPDX-License-Identifier: MIT */
/* -s: how the command line finds the running nsgate, whatever has become of its files. */
#include "supervisor/supervisor.h"

#include "supervisor_internal.h"

#include "base/descriptor.h"
#include "base/error.h"
#include "base/memory.h"
#include "control/connect.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
    const char *name;
    int signal;
} running_signals[] = {{"quit", SIGQUIT}, {"stop", SIGTERM}};

/* ---- the control socket ---- */

/* Who listens there must be root, or who we are. Returns its pid, or -1. */
static pid_t running_peer(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
        (peer.uid != 0 && peer.uid != geteuid()))
        return -1;
    return peer.pid;
}

static int running_dial(const char *path)
{
    int fd = control_reach(path, 0);

    if (fd >= 0 && running_peer(fd) < 0) {
        close(fd);
        errno = EPERM;
        return -1;
    }
    return fd;
}

static int running_dial_or_tell(const char *path)
{
    int fd = running_dial(path);

    if (fd < 0)
        fprintf(stderr, "nsgate: cannot connect to %s: %s%s\n", path, error_reason(errno),
                errno == ECONNREFUSED || errno == ENOENT ? ": nsgate is not running" : "");
    return fd;
}

/* What the running one has noted. -1: nothing, or it is gone. */
static int running_dial_noted(const char *config)
{
    char *path = control_link_find(config);
    int fd = path ? running_dial(path) : -1;

    free(path);
    return fd;
}

/* ---- the main file ---- */

/* The main file's `pid`, for the caller to free; NULL when the file is broken and does not name
 * one: that is told. Its warnings are for those who load it. */
static char *running_pid_file(const char *config)
{
    struct diag_list diags;
    char *path;

    diag_list_init(&diags);
    path = settings_pid_file(config, &config_files, &diags);
    if (!path) {
        report_print(&diags);
        fprintf(stderr, "nsgate: no running nsgate is known for %s; --socket names its socket\n",
                config);
    }
    diag_list_free(&diags);
    return path;
}

/* What stands in the pid file is not needed, but its lock tells whether there is anybody. */
static int running_dial_beside(const char *pid_file)
{
    char *path = control_path(pid_file);
    const char *why;
    int fd = -1;

    if (pid_file_holder(pid_file, &why) < 0)
        fprintf(stderr, "nsgate: %s: %s\n", pid_file, why);
    else
        fd = running_dial_or_tell(path);
    free(path);
    return fd;
}

int supervisor_connect(const char *config, const char *socket)
{
    int fd = socket ? running_dial_or_tell(socket) : running_dial_noted(config);
    char *path;

    if (fd >= 0 || socket)
        return fd;
    path = running_pid_file(config);
    if (path)
        fd = running_dial_beside(path);
    free(path);
    return fd;
}

/* ---- signals ---- */

static int running_find_signal(const char *name)
{
    for (size_t i = 0; i < sizeof(running_signals) / sizeof(running_signals[0]); i++) {
        if (strcmp(running_signals[i].name, name) == 0)
            return running_signals[i].signal;
    }
    fprintf(stderr,
            "nsgate: unknown -s %s; reload, status, top, upgrade, quit, stop, reopen are known\n",
            name);
    return 0;
}

/* The pid file needs no control socket, which somebody may have removed. */
static pid_t running_holder(const char *config)
{
    char *path = running_pid_file(config);
    const char *why;
    pid_t pid = path ? pid_file_holder(path, &why) : -1;

    if (path && pid < 0)
        fprintf(stderr, "nsgate: %s: %s\n", path, why);
    free(path);
    return pid;
}

static pid_t running_pid(const char *config, const char *socket)
{
    int fd = socket ? running_dial_or_tell(socket) : running_dial_noted(config);
    pid_t pid = fd >= 0 ? running_peer(fd) : -1;

    descriptor_close(fd);
    return fd >= 0 || socket ? pid : running_holder(config);
}

int supervisor_signal(const char *config, const char *socket, const char *name)
{
    int signal = running_find_signal(name);
    pid_t pid = signal ? running_pid(config, socket) : -1;

    if (pid <= 0)
        return EXIT_FAILURE;
    if (kill(pid, signal) == 0)
        return EXIT_SUCCESS;
    fprintf(stderr, "nsgate: cannot signal process %d: %s\n", (int)pid, strerror(errno));
    return EXIT_FAILURE;
}
