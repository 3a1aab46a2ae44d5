/* SPDX-License-Identifier: MIT */
/* The loader that reads real files, without trusting what stands at their paths. */
#include "config/tree.h"

#include "base/descriptor.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (1024L * 1024)

static int read_all(int fd, struct arena *arena, size_t size, struct slice *text)
{
    char *bytes = arena_alloc(arena, size + 1);
    ssize_t len = descriptor_read(fd, bytes, size);

    if (len < 0)
        return -1;
    bytes[len] = '\0';
    *text = (struct slice){bytes, (size_t)len};
    return 0;
}

static int files_read(void *context, struct arena *arena, const char *path, struct slice *text,
                      const char **why)
{
    struct stat status = {0};
    int result = -1;
    int fd;

    (void)context;
    /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        *why = error_reason(errno);
        return -1;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        *why = S_ISDIR(status.st_mode) ? "it is a folder" : "it is not a regular file";
    else if (status.st_size > FILE_MAX)
        *why = "it is larger than 1 MiB";
    else if (read_all(fd, arena, (size_t)status.st_size, text) != 0)
        *why = error_reason(errno);
    else
        result = 0;
    close(fd);
    return result;
}

/* A folder that is not there has no files; one that cannot be read must not look the same, since
 * a reload would take all its tenants away. */
static int is_real_failure(int error)
{
    return error != ENOENT && error != ENOTDIR;
}

static int on_glob_error(const char *path, int error)
{
    (void)path;
    return is_real_failure(error);
}

/* glob(3) passes over in silence what it may not look at where nothing is to be matched. */
static bool has_nothing(const char *pattern)
{
    struct stat status;

    return lstat(pattern, &status) == 0 || !is_real_failure(errno);
}

static int files_expand(void *context, struct arena *arena, const char *pattern,
                        struct config_paths *paths, const char **why)
{
    glob_t found = {0};
    int result = glob(pattern, 0, on_glob_error, &found);

    (void)context;
    *paths = (struct config_paths){NULL, 0};
    if (result == 0) {
        paths->items = ARENA_ARRAY(arena, char *, found.gl_pathc);
        for (size_t i = 0; i < found.gl_pathc; i++)
            paths->items[i] = arena_text(arena, slice_of(found.gl_pathv[i]));
        paths->count = found.gl_pathc;
    } else if (result == GLOB_NOMATCH && has_nothing(pattern)) {
        result = 0;
    } else {
        *why = result == GLOB_NOSPACE ? "out of memory" : "a folder cannot be read";
    }
    globfree(&found);
    return result == 0 ? 0 : -1;
}

const struct config_loader config_files = {files_read, files_expand, NULL};
