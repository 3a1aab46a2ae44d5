/* SPDX-License-Identifier: MIT */
/* Opening a log file for appending, whoever owns it, without root's right to write others' files:
 * a short-lived child becomes the file's owner, opens it and hands the descriptor back. */
#ifndef LOGS_LOG_FILE_H
#define LOGS_LOG_FILE_H

#include "io/deadline.h"

#include <sys/types.h>

#define LOG_FILE_LIMIT 5.0 /* seconds for the child */

struct log_file;

/* fd: opened with O_APPEND and O_CLOEXEC, the receiver's to close; or -1 with the reason. May be
 * called before log_file_begin returns. */
typedef void log_file_done(struct log_file *file, int fd, const char *why);

/* One opening at a time. Embedded by its owner. */
struct log_file {
    struct loop *loop;
    const char *program; /* what the child executes */
    log_file_done *done;
    void *owner;
    int handle;  /* O_PATH of the file that is opened; -1: none */
    pid_t pid;   /* of the child; 0: there is none */
    int process; /* its pidfd */
    int channel; /* what it answers to */
    bool has_answered;
    ev_io ended;
    struct deadline limit;
};

void log_file_init(struct log_file *file, struct loop *loop, const char *program,
                   log_file_done *done, void *owner);
/* A child that has not ended yet is killed, and not waited for. */
void log_file_free(struct log_file *file);

/* Opens the file at path; one that is not there is made (0640), as who we are. The last component
 * may not be a symbolic link. Somebody else's file must be a regular one; our own may be a FIFO or
 * a device, which are opened without waiting for a reader. done is called once. */
void log_file_begin(struct log_file *file, const char *path);
/* Whether done is yet to be called: nothing can be begun. */
bool log_file_is_busy(const struct log_file *file);

/* The same, waiting for the child: for processes that have nothing else to do. make: whether a file
 * that is not there is made; if not, only asks whether it could be, and *fd is -1 then. Returns 0,
 * or -1 with a reason (constant). */
int log_file_open(const char *program, const char *path, bool make, int *fd, const char **why);

/* The child (ipc/spawn.h): the role "opener", with its answer's channel, and the file as its second
 * descriptor. Returns the process's exit status. */
int log_opener_run(void);

#endif
