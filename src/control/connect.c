/* SPDX-License-Identifier: MIT */
/* How the control socket is found and reached. */
#include "control/connect.h"

#include "control_internal.h"

#include "base/descriptor.h"
#include "base/log.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_LIMIT 5 /* seconds that a client waits for a place in the backlog */
#define LINK_FOLDER   "/run/nsgate"
#define LINK_NAME     17 /* bytes: 64 bits in hexadecimal */

char *control_path(const char *pid_file)
{
    struct slice name = slice_of(pid_file);
    char *path;

    if (slice_ends_with(name, SLICE(".pid")))
        name.len -= 4;
    path = memory_alloc(name.len + sizeof(".sock"));
    memcpy(path, name.data, name.len);
    memcpy(path + name.len, ".sock", sizeof(".sock"));
    return path;
}

int control_address(const char *path, struct sockaddr_un *address)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? memory_slice_text((struct slice){path, (size_t)(slash - path) + 1})
                         : memory_text(".");
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int len;

    free(folder);
    if (fd < 0)
        return -1;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    len = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", fd,
                   slash ? slash + 1 : path);
    if (len < (int)sizeof(address->sun_path))
        return fd;
    close(fd);
    errno = ENAMETOOLONG;
    return -1;
}

int control_reach(const char *path, int kind)
{
    struct timeval limit = {.tv_sec = CONNECT_LIMIT};
    struct sockaddr_un address;
    int folder = control_address(path, &address);
    int fd = folder < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | kind, 0);

    /* SO_SNDTIMEO is what connect(2) waits at most for room in the backlog. */
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
                    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0))
        fd = descriptor_close(fd);
    descriptor_close(folder);
    return fd;
}

/* ---- links from main files ---- */

/* FNV-1a of the absolute path. */
static void link_name(const char *config, char name[LINK_NAME])
{
    char *here = *config == '/' ? NULL : getcwd(NULL, 0);
    const char *parts[] = {here ? here : "", here ? "/" : "", config};
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        for (const char *at = parts[i]; *at; at++)
            hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    }
    snprintf(name, LINK_NAME, "%016" PRIx64, hash);
    free(here);
}

/* Whoever was killed has left its link, and its folder may be gone. */
static void link_sweep(int folder)
{
    DIR *list = fdopendir(fcntl(folder, F_DUPFD_CLOEXEC, 0));
    const struct dirent *entry;
    struct stat status;

    while (list && (entry = readdir(list))) {
        if (strspn(entry->d_name, "0123456789abcdef") == LINK_NAME - 1 &&
            fstatat(folder, entry->d_name, &status, 0) < 0 && errno == ENOENT)
            unlinkat(folder, entry->d_name, 0);
    }
    if (list)
        closedir(list);
}

void control_link_add(const char *config, const char *socket)
{
    char name[LINK_NAME];
    int folder;

    if (geteuid() != 0)
        return;
    (void)mkdir(LINK_FOLDER, 0755);
    folder = open(LINK_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0)
        link_sweep(folder);
    link_name(config, name);
    if (folder < 0 || (unlinkat(folder, name, 0) < 0 && errno != ENOENT) ||
        symlinkat(socket, folder, name) < 0)
        log_info("-s finds us by the main file's `pid` only: %s/%s: %s", LINK_FOLDER, name,
                 strerror(errno));
    descriptor_close(folder);
}

char *control_link_find(const char *config)
{
    char path[sizeof(LINK_FOLDER) + LINK_NAME];
    char name[LINK_NAME];
    char socket[PATH_MAX];
    struct stat status;
    ssize_t len;

    link_name(config, name);
    snprintf(path, sizeof(path), "%s/%s", LINK_FOLDER, name);
    if (lstat(path, &status) < 0 || status.st_uid != 0)
        return NULL;
    len = readlink(path, socket, sizeof(socket));
    if (len <= 0 || len == (ssize_t)sizeof(socket) || socket[0] != '/')
        return NULL;
    return memory_slice_text((struct slice){socket, (size_t)len});
}

void control_link_remove(const char *config, const char *socket)
{
    char *noted = control_link_find(config);
    char path[sizeof(LINK_FOLDER) + LINK_NAME];
    char name[LINK_NAME];

    if (noted && strcmp(noted, socket) == 0) {
        link_name(config, name);
        snprintf(path, sizeof(path), "%s/%s", LINK_FOLDER, name);
        unlink(path);
    }
    free(noted);
}
