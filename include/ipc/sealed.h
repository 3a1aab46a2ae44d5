/* SPDX-License-Identifier: MIT */
/* Bytes in a memfd that nobody can change any more: how what is long or secret goes from one
 * process to another. */
#ifndef IPC_SEALED_H
#define IPC_SEALED_H

#include "base/slice.h"

/* A sealed memfd of that name (memfd_create(2)) with the bytes, close-on-exec and the caller's;
 * -1 with errno. */
int sealed_new(const char *name, struct slice bytes);

/* Maps a memfd read-only after checking its seals; the caller unmaps it and still owns fd. Returns
 * NULL, or a constant noun phrase that says what is wrong ("blob that is not sealed"). */
const char *sealed_map(int fd, struct slice *bytes);
void sealed_unmap(struct slice bytes);

/* Zeroed memory of a size that nobody can change, in a memfd that costs what is touched of it.
 * Close-on-exec and the caller's; -1 with errno. */
int sealed_memory(const char *name, uint64_t size);

/* Maps it all; the caller unmaps it (munmap(2)) and still owns fd. NULL with errno, EINVAL when it
 * has another size or none that is sealed. */
char *sealed_memory_map(int fd, uint64_t size, bool is_writable);

#endif
