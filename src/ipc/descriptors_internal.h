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

/* Receives one datagram into data. Returns its length, 0 at the end, -1 with errno. The *count
 * descriptors are the caller's, close-on-exec. *truncated: bytes or descriptors were lost. */
ssize_t descriptors_receive(int fd, void *data, size_t size, int descriptors[DESCRIPTORS_ROOM],
                            unsigned *count, bool *truncated);

/* Closes those that are not -1, and sets them to -1. */
void descriptors_close(int *descriptors, unsigned count);

#endif
