/* SPDX-License-Identifier: MIT */
/* The pid file: who holds its lock is the running supervisor, whatever number stands in it. */
#ifndef SUPERVISOR_PID_FILE_INTERNAL_H
#define SUPERVISOR_PID_FILE_INTERNAL_H

#include <stddef.h>
#include <sys/types.h>

struct pid_file {
    char *path; /* NULL: none is held */
    int fd;
};

/* 0, or -1 with a text. */
int pid_file_take(struct pid_file *pid, const char *path, char *text, size_t size);
/* Whether the path could be taken, apart from who holds it by now; touches nothing. */
int pid_file_try(const char *path, char *text, size_t size);
void pid_file_release(struct pid_file *pid);
/* The pid of the process that holds the file; -1 with a reason. */
pid_t pid_file_holder(const char *path, const char **why);

#endif
