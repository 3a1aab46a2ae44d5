/* SPDX-License-Identifier: MIT */
/* Sealed memfds: filled and sealed by who makes them, checked and mapped by who gets them. */
#include "ipc/sealed.h"

#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALED_SIZE (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)
#define SEALED_ALL  (SEALED_SIZE | F_SEAL_WRITE)

static int sealed_fill(int fd, const char *data, size_t len)
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
    return fcntl(fd, F_ADD_SEALS, SEALED_ALL);
}

int sealed_memory(const char *name, uint64_t size)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    /* Who is given it to read must not open it again to write. */
    if (fd >= 0 && (fchmod(fd, S_IRUSR | S_IWUSR) < 0 || ftruncate(fd, (off_t)size) < 0 ||
                    fcntl(fd, F_ADD_SEALS, SEALED_SIZE) < 0))
        return descriptor_close(fd);
    return fd;
}

char *sealed_memory_map(int fd, uint64_t size, bool is_writable)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat status;
    void *memory;

    if (seals < 0 || fstat(fd, &status) < 0)
        return NULL;
    if ((seals & SEALED_SIZE) != SEALED_SIZE || (uint64_t)status.st_size != size) {
        errno = EINVAL;
        return NULL;
    }
    memory = mmap(NULL, size, is_writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

int sealed_new(const char *name, struct slice bytes)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && sealed_fill(fd, bytes.data, bytes.len) != 0)
        return descriptor_close(fd);
    return fd;
}

const char *sealed_map(int fd, struct slice *bytes)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat status;
    void *data;

    *bytes = (struct slice){NULL, 0};
    /* Unsealed, the sender could change or cut the bytes while we read them. */
    if (seals < 0 || (seals & SEALED_ALL) != SEALED_ALL || fstat(fd, &status) < 0)
        return "blob that is not sealed";
    if (status.st_size == 0)
        return NULL;
    data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return "blob that cannot be mapped";
    *bytes = (struct slice){data, (size_t)status.st_size};
    return NULL;
}

void sealed_unmap(struct slice bytes)
{
    if (bytes.len > 0)
        munmap((void *)bytes.data, bytes.len);
}
