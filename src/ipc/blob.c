/* SPDX-License-Identifier: MIT */
/* Blobs: counted bytes on the sender's side, sealed memfds on the way, mappings on arrival. */
#include "blob_internal.h"

#include "base/memory.h"
#include "ipc/channel.h"
#include "ipc/datagram.h"
#include "ipc/sealed.h"

#include <assert.h>

struct ipc_blob {
    unsigned references;
    size_t len;
    char bytes[];
};

struct ipc_blob *ipc_blob_new(struct slice bytes)
{
    struct ipc_blob *blob;

    assert(bytes.len <= IPC_BLOB_MAX);
    blob = memory_alloc(sizeof(*blob) + bytes.len);
    blob->references = 1;
    blob->len = bytes.len;
    if (bytes.len > 0)
        memcpy(blob->bytes, bytes.data, bytes.len);
    return blob;
}

struct ipc_blob *ipc_blob_ref(struct ipc_blob *blob)
{
    blob->references++;
    return blob;
}

void ipc_blob_unref(struct ipc_blob *blob)
{
    if (blob && --blob->references == 0)
        memory_wipe_free(blob, sizeof(*blob) + blob->len);
}

struct slice ipc_blob_bytes(const struct ipc_blob *blob)
{
    return (struct slice){blob->bytes, blob->len};
}

int blob_to_memfd(const struct ipc_blob *blob)
{
    return sealed_new("nsgate-blob", ipc_blob_bytes(blob));
}

const char *blob_map(int fd, uint32_t len, struct slice *bytes)
{
    const char *why = sealed_map(fd, bytes);

    if (why || bytes->len == len)
        return why;
    sealed_unmap(*bytes);
    *bytes = (struct slice){NULL, 0};
    return "blob of a wrong size";
}

void blob_unmap(struct slice bytes)
{
    sealed_unmap(bytes);
}
