/* SPDX-License-Identifier: MIT */
/* The pid file: who holds its lock is the running supervisor, whatever number stands in it. */
#ifndef DAEMON_PID_FILE_H
#define DAEMON_PID_FILE_H

#include <stddef.h>
#include <sys/types.h>

struct pid_file {
    char *path; /* NULL: none is held */
    int fd;
};

/* Makes the file, locks it and writes our pid; pid is the caller's, who releases it. Returns 0, or
 * -1 with what is wrong in text, which has room for size bytes. */
int pid_file_take(struct pid_file *pid, const char *path, char *text, size_t size);
/* Whether the path could be taken, apart from who holds it by now; touches nothing. Returns 0, or
 * -1 with a text. */
int pid_file_try(const char *path, char *text, size_t size);
/* Removes the file and lets the lock go; none may be held. */
void pid_file_release(struct pid_file *pid);
/* The pid of the process that holds the file; -1 with a reason. */
pid_t pid_file_holder(const char *path, const char **why);

#endif
