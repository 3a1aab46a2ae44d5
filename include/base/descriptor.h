/* SPDX-License-Identifier: MIT */
/* Descriptors: read whole, written without waiting, and closed. */
#ifndef BASE_DESCRIPTOR_H
#define BASE_DESCRIPTOR_H

#include <sys/types.h>

/* Reads size bytes, or up to the end if that comes before. Returns how many, or -1 with errno. */
ssize_t descriptor_read(int fd, void *data, size_t size);

/* What it is open on: S_IFREG and so on; 0: that cannot be told. */
mode_t descriptor_kind(int fd);

/* Writes as much as fits without waiting for a reader, though the descriptor may be shared with
 * processes that want it to block. kind: descriptor_kind's. Returns how much, or -1 with errno:
 * EAGAIN when there is no room. */
ssize_t descriptor_write(int fd, mode_t kind, const void *data, size_t size);

/* close(2), unless it is -1; errno stays. Returns -1: for the variable that held it, or for who
 * returns that with the errno of what has failed. */
int descriptor_close(int fd);

#endif
