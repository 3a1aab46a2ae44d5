/* SPDX-License-Identifier: MIT */
/* Blobs: counted bytes on the sender's side, sealed memfds on the way, mappings on arrival. */
#include "blob_internal.h"

#include "base/memory.h"
#include "ipc/channel.h"
#include "ipc/datagram.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOB_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

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

static int blob_fill(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, data, len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        data += written;
        len -= (size_t)written;
    }
    return fcntl(fd, F_ADD_SEALS, BLOB_SEALS);
}

int blob_to_memfd(const struct ipc_blob *blob)
{
    int fd = memfd_create("nsgate-blob", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int saved;

    if (fd < 0)
        return -1;
    if (blob_fill(fd, blob->bytes, blob->len) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

const char *blob_map(int fd, uint32_t len, struct slice *bytes)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat status;
    void *data;

    *bytes = (struct slice){NULL, 0};
    /* Unsealed, the sender could change or cut the bytes while we read them. */
    if (seals < 0 || (seals & BLOB_SEALS) != BLOB_SEALS)
        return "blob that is not sealed";
    if (fstat(fd, &status) < 0 || status.st_size != (off_t)len)
        return "blob of a wrong size";
    if (len == 0)
        return NULL;
    data = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return "blob that cannot be mapped";
    *bytes = (struct slice){data, len};
    return NULL;
}

void blob_unmap(struct slice bytes)
{
    if (bytes.len > 0)
        munmap((void *)bytes.data, bytes.len);
}
