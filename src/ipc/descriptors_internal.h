/* SPDX-License-Identifier: MIT */
/* Datagrams with descriptors: SCM_RIGHTS of unix(7), one place for its corners. */
#ifndef IPC_DESCRIPTORS_INTERNAL_H
#define IPC_DESCRIPTORS_INTERNAL_H

#include "ipc/channel.h"

#include <sys/uio.h>

#define DESCRIPTORS_ROOM (IPC_DESCRIPTORS_MAX + 1) /* a message's and its blob */

/* Returns 0 or errno, EINTR excepted. Nothing blocks. */
int descriptors_send(int fd, struct iovec *parts, size_t part_count, const int *descriptors,
                     unsigned count);

/* What came with a datagram. */
struct descriptors {
    int fds[DESCRIPTORS_ROOM];
    unsigned count;
    bool is_cut;     /* bytes, or more descriptors than any message has, were lost */
    bool is_lacking; /* the process had none left for some of them */
};

/* Looks at the first datagram, which stays: its bytes into data, what comes with it duplicated. As
 * long as it stays, nothing is lost. Returns its length, 0 at the end, -1 with errno. The
 * descriptors are the caller's, close-on-exec. */
ssize_t descriptors_look(int fd, void *data, size_t size, struct descriptors *found);

/* Takes the first datagram away. */
void descriptors_drop(int fd);

/* Closes those that are not -1, and sets them to -1. */
void descriptors_close(int *descriptors, unsigned count);

#endif
