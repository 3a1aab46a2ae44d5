/* SPDX-License-Identifier: MIT */
/* Reading certificate and key files as root, with care for what the path may be. */
#include "regular_file_internal.h"

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

/* A file that grows while it is read is taken up to the size that it had. */
static int regular_file_fill(int fd, char *data, size_t size, size_t *len)
{
    *len = 0;
    while (*len < size) {
        ssize_t got = read(fd, data + *len, size - *len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        *len += (size_t)got;
    }
    return 0;
}

int regular_file_read(const char *path, struct slice *text, mode_t *mode, const char **why)
{
    int handle = open(path, O_PATH | O_CLOEXEC);
    struct stat status;
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
    if (regular_file_fill(fd, data, size, &text->len) < 0) {
        *why = error_reason(errno);
        memory_wipe_free(data, size);
        close(fd);
        return -1;
    }
    close(fd);
    text->data = data;
    *mode = status.st_mode;
    return 0;
}
