/* SPDX-License-Identifier: MIT */
/* Reading the files that a tenant's configuration names. */
#ifndef FILES_REGULAR_FILE_INTERNAL_H
#define FILES_REGULAR_FILE_INTERNAL_H

#include "base/arena.h"

#include <sys/types.h>

#define REGULAR_FILE_MAX (1u << 20) /* bytes of one certificate or key file */

/* Reads a whole regular file. Whatever else the path may be, it is never opened for reading: a
 * FIFO cannot hang the process, and a device is not touched. Returns 0 with *text, in memory that
 * the caller wipes and frees, and the file's *mode; or -1 with a constant reason in *why. */
int regular_file_read(const char *path, struct slice *text, mode_t *mode, const char **why);

#endif
