/* SPDX-License-Identifier: MIT */
/* Descriptors: read whole, and closed. */
#ifndef BASE_DESCRIPTOR_H
#define BASE_DESCRIPTOR_H

#include <sys/types.h>

/* Reads size bytes, or up to the end if that comes before. Returns how many, or -1 with errno. */
ssize_t descriptor_read(int fd, void *data, size_t size);

/* close(2), unless it is -1; errno stays. Returns -1: for the variable that held it, or for who
 * returns that with the errno of what has failed. */
int descriptor_close(int fd);

#endif
