/* SPDX-License-Identifier: MIT */
/* Why a log file cannot be opened, in words of folders and owners. */
#include "logs/advice.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first of the folders on the way to the file that is not there; NULL: all are. Freed by the
 * caller. */
static char *advice_missing(const char *path)
{
    struct stat status;

    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        char *folder = memory_slice_text((struct slice){path, (size_t)(slash - path)});

        if (stat(folder, &status) < 0 && errno == ENOENT)
            return folder;
        free(folder);
    }
    return NULL;
}

/* Root without the right to override owners makes files only where it may write by the mode. */
static void advice_on_folder(const char *path, char text[LOG_ADVICE])
{
    const char *slash = strrchr(path, '/');
    char *folder = memory_slice_text((struct slice){path, slash ? (size_t)(slash - path) + 1 : 0});
    struct stat status;

    if (slash && stat(folder, &status) == 0 && S_ISDIR(status.st_mode) &&
        faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0)
        snprintf(text, LOG_ADVICE,
                 " (user %u makes new files, and may not write to the folder %.200s of user %u, "
                 "mode %04o: give the folder to user %u, or make the file there: it is opened as "
                 "its owner)",
                 (unsigned)geteuid(), folder, (unsigned)status.st_uid,
                 (unsigned)(status.st_mode & 07777), (unsigned)geteuid());
    free(folder);
}

void log_advice(const char *path, char text[LOG_ADVICE])
{
    char *missing = advice_missing(path);
    struct stat status;

    text[0] = '\0';
    if (missing)
        snprintf(text, LOG_ADVICE, " (there is no folder %.200s: make it, nsgate makes none)",
                 missing);
    else if (lstat(path, &status) < 0)
        advice_on_folder(path, text);
    else if (S_ISREG(status.st_mode) && (status.st_mode & S_IWUSR) == 0)
        snprintf(text, LOG_ADVICE, " (its owner, user %u, may not write to it: mode %04o)",
                 (unsigned)status.st_uid, (unsigned)(status.st_mode & 07777));
    free(missing);
}
