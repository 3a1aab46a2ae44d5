/* SPDX-License-Identifier: MIT */
/* Reading certificate and key files as root, with care for what the path may be. */
#include "regular_file_internal.h"

#include "base/descriptor.h"
#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Returns a descriptor for reading what handle (O_PATH) holds, or -1 with a reason. */
static int regular_file_reopen(int handle, struct stat *status, const char **why)
{
    char path[64];
    int fd;

    if (fstat(handle, status) < 0) {
        *why = error_reason(errno);
        return -1;
    }
    if (!S_ISREG(status->st_mode)) {
        *why = "not a regular file";
        return -1;
    }
    if (status->st_size > (off_t)REGULAR_FILE_MAX) {
        *why = "larger than 1 MiB";
        return -1;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        *why = error_reason(errno);
    return fd;
}

int regular_file_read(const char *path, struct slice *text, mode_t *mode, const char **why)
{
    int handle = open(path, O_PATH | O_CLOEXEC);
    struct stat status;
    ssize_t len;
    size_t size;
    char *data;
    int fd;

    if (handle < 0) {
        *why = error_reason(errno);
        return -1;
    }
    fd = regular_file_reopen(handle, &status, why);
    close(handle);
    if (fd < 0)
        return -1;
    size = (size_t)status.st_size;
    data = memory_alloc(size + 1);
    len = descriptor_read(fd, data, size); /* if it grows, up to the size that it had */
    if (len < 0) {
        *why = error_reason(errno);
        memory_wipe_free(data, size);
        return descriptor_close(fd);
    }
    close(fd);
    *text = (struct slice){data, (size_t)len};
    *mode = status.st_mode;
    return 0;
}
