/* SPDX-License-Identifier: MIT */
/* Sending and receiving datagrams that carry descriptors. */
#include "descriptors_internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

union descriptors_control {
    struct cmsghdr head; /* for its alignment */
    char bytes[CMSG_SPACE(DESCRIPTORS_ROOM * sizeof(int))];
};

int descriptors_send(int fd, struct iovec *parts, size_t part_count, const int *descriptors,
                     unsigned count)
{
    union descriptors_control control = {0};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = part_count};

    if (count > 0) {
        struct cmsghdr *head;

        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(head), descriptors, count * sizeof(int));
    }
    while (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno != EINTR)
            return errno;
    }
    return 0;
}

/* CMSG_SPACE rounds up, so that one more may come than was made room for: it is closed. */
static void descriptors_take(struct msghdr *message, struct descriptors *found)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        size_t here = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < here; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(fd));
            if (found->count < DESCRIPTORS_ROOM) {
                found->fds[found->count++] = fd;
            } else {
                close(fd);
                found->is_cut = true;
            }
        }
    }
}

ssize_t descriptors_look(int fd, void *data, size_t size, struct descriptors *found)
{
    union descriptors_control control;
    struct iovec part = {data, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t len = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    *found = (struct descriptors){0};
    if (len < 0)
        return -1;
    found->is_cut = (message.msg_flags & MSG_TRUNC) != 0;
    descriptors_take(&message, found);
    if ((message.msg_flags & MSG_CTRUNC) && found->count < DESCRIPTORS_ROOM)
        found->is_lacking = true;
    else if (message.msg_flags & MSG_CTRUNC)
        found->is_cut = true;
    return len;
}

void descriptors_drop(int fd)
{
    /* A peer that ended with messages unread leaves an error that comes before its last messages:
     * it is told once, and the message stays. */
    while (recv(fd, NULL, 0, MSG_DONTWAIT) < 0 && (errno == ECONNRESET || errno == EINTR))
        continue;
}

void descriptors_close(int *descriptors, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (descriptors[i] >= 0)
            close(descriptors[i]);
        descriptors[i] = -1;
    }
}
