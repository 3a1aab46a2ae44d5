/* SPDX-License-Identifier: MIT */
/* The child that opens one log file as the user who owns it. */
#include "logs/log_file.h"

#include "log_opener_internal.h"

#include "base/descriptor.h"
#include "base/signal_hold.h"
#include "ipc/cage.h"
#include "ipc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

void log_opener_answer(int channel, int error, int fd)
{
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {.iov_base = &error, .iov_len = sizeof(error)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd >= 0) {
        struct cmsghdr *head;

        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    }
    (void)sendmsg(channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int log_opener_take(int channel)
{
    char control[CMSG_SPACE(sizeof(int))];
    int error = 0;
    struct iovec part = {.iov_base = &error, .iov_len = sizeof(error)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    ssize_t len = recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *head = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    int fd = -1;

    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    if (len == sizeof(error) && error == 0 && fd >= 0)
        return fd;
    descriptor_close(fd);
    errno = len == sizeof(error) && error > 0 ? error : EPROTO;
    return -1;
}

/* The handle is the file itself, whatever its name leads to by now. */
static int log_opener_open(int handle)
{
    struct cage_identity identity = {0};
    struct stat status;
    const char *why;
    char path[64];

    if (fstat(handle, &status) < 0)
        return -1;
    if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    identity.user = status.st_uid;
    identity.group = status.st_gid;
    if (cage_enter(&identity, &why) < 0)
        return -1;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
    /* O_NONBLOCK: its owner may hold a lease on it, for which open(2) would wait. */
    return open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int log_opener_main(int channel, int handle)
{
    int fd = log_opener_open(handle);

    log_opener_answer(channel, fd < 0 ? errno : 0, fd);
    return fd < 0 ? 1 : 0;
}

int log_opener_run(void)
{
    cage_ignore_signals();
    signal_release_all();
    return log_opener_main(SPAWN_CHANNEL_FD, SPAWN_SECOND_FD);
}
