/* SPDX-License-Identifier: MIT */
/* Links from main files to control sockets. */
#include "whereabouts_internal.h"

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
#include <sys/stat.h>
#include <unistd.h>

#define WHEREABOUTS_FOLDER "/run/nsgate"
#define WHEREABOUTS_NAME   17 /* bytes: 64 bits in hexadecimal */

/* FNV-1a of the absolute path. */
static void whereabouts_name(const char *config, char name[WHEREABOUTS_NAME])
{
    char *here = *config == '/' ? NULL : getcwd(NULL, 0);
    const char *parts[] = {here ? here : "", here ? "/" : "", config};
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        for (const char *at = parts[i]; *at; at++)
            hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    }
    snprintf(name, WHEREABOUTS_NAME, "%016" PRIx64, hash);
    free(here);
}

/* Whoever was killed has left its link, and its folder may be gone. */
static void whereabouts_sweep(int folder)
{
    DIR *list = fdopendir(fcntl(folder, F_DUPFD_CLOEXEC, 0));
    const struct dirent *entry;
    struct stat status;

    while (list && (entry = readdir(list))) {
        if (strspn(entry->d_name, "0123456789abcdef") == WHEREABOUTS_NAME - 1 &&
            fstatat(folder, entry->d_name, &status, 0) < 0 && errno == ENOENT)
            unlinkat(folder, entry->d_name, 0);
    }
    if (list)
        closedir(list);
}

void whereabouts_note(const char *config, const char *socket)
{
    char name[WHEREABOUTS_NAME];
    int folder;

    if (!config || geteuid() != 0)
        return;
    (void)mkdir(WHEREABOUTS_FOLDER, 0755);
    folder = open(WHEREABOUTS_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0)
        whereabouts_sweep(folder);
    whereabouts_name(config, name);
    if (folder < 0 || (unlinkat(folder, name, 0) < 0 && errno != ENOENT) ||
        symlinkat(socket, folder, name) < 0)
        log_info("-s finds us by the main file's `pid` only: %s/%s: %s", WHEREABOUTS_FOLDER, name,
                 strerror(errno));
    if (folder >= 0)
        close(folder);
}

char *whereabouts_find(const char *config)
{
    char path[sizeof(WHEREABOUTS_FOLDER) + WHEREABOUTS_NAME];
    char name[WHEREABOUTS_NAME];
    char socket[PATH_MAX];
    struct stat status;
    ssize_t len;

    whereabouts_name(config, name);
    snprintf(path, sizeof(path), "%s/%s", WHEREABOUTS_FOLDER, name);
    if (lstat(path, &status) < 0 || status.st_uid != 0)
        return NULL;
    len = readlink(path, socket, sizeof(socket));
    if (len <= 0 || len == (ssize_t)sizeof(socket) || socket[0] != '/')
        return NULL;
    return memory_slice_text((struct slice){socket, (size_t)len});
}

void whereabouts_forget(const char *config, const char *socket)
{
    char *noted = config ? whereabouts_find(config) : NULL;
    char path[sizeof(WHEREABOUTS_FOLDER) + WHEREABOUTS_NAME];
    char name[WHEREABOUTS_NAME];

    if (noted && strcmp(noted, socket) == 0) {
        whereabouts_name(config, name);
        snprintf(path, sizeof(path), "%s/%s", WHEREABOUTS_FOLDER, name);
        unlink(path);
    }
    free(noted);
}
