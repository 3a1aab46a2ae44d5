/* SPDX-License-Identifier: MIT */
/* Blobs on their way: what the channel does with them. */
#ifndef IPC_BLOB_INTERNAL_H
#define IPC_BLOB_INTERNAL_H

#include "base/slice.h"

struct ipc_blob;

/* A sealed memfd with the blob's bytes, close-on-exec and the caller's; -1 with errno. */
int blob_to_memfd(const struct ipc_blob *blob);

/* Maps a received memfd read-only after checking its seals and size; the caller unmaps it and
 * still owns fd. Returns NULL, or a constant sentence that says what is wrong. */
const char *blob_map(int fd, uint32_t len, struct slice *bytes);
void blob_unmap(struct slice bytes);

#endif
