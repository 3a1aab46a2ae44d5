/* SPDX-License-Identifier: MIT */
/* A real resolver process, and the test as its supervisor. */
#ifndef TESTS_RESOLVER_PROCESS_H
#define TESTS_RESOLVER_PROCESS_H

#include "ipc/channel.h"
#include "tenant/tenant.h"

#include <sys/types.h>

#define PROCESS_RESULTS 64

/* An EXAMINED as it came. */
struct outcome {
    uint64_t serial;
    bool usable, outdated, unresolved;
    struct diag_list diags;
    void *bytes; /* the examined bundle, if usable */
    size_t size;
    double at; /* seconds since the start of the process */
};

struct process {
    struct loop loop;
    struct ipc_channel *channel;
    pid_t pid;
    bool is_ready, is_gone;
    uint64_t pong;    /* the last number */
    uint64_t working; /* the serial of the last WORKING */
    struct outcome outcomes[PROCESS_RESULTS];
    unsigned count, wanted;
    unsigned wanted_connects;
    const char *wanted_container;
    unsigned connects;   /* CONTAINER_CONNECT that came */
    char container[512]; /* the last CONTAINER: "NAME PID SANDBOX|REASON" */
    ev_timer guard;
    double started;
    struct bundle_name *known; /* what raw bundles know of one host name; NULL: nothing */
    struct ipc_blob *raw;      /* the first bundle that was sent */
};

/* Forks it; with_setup also sends SETUP and waits for READY. */
void process_start(struct process *process, bool with_setup);
/* Sends the bundle of a tenant file's text with raw files (may be NULL). */
void process_examine(struct process *process, uint64_t serial, const char *text,
                     struct bundle_file *files, uint32_t file_count);
void process_send(struct process *process, enum ipc_message message, const struct wire_writer *body,
                  struct slice blob);
/* Until that many outcomes are there; false when it is gone or 15 s have passed. */
bool process_wait(struct process *process, unsigned outcomes);
/* Until that many CONTAINER_CONNECT have come, or a CONTAINER with that text. */
bool process_wait_connects(struct process *process, unsigned connects);
bool process_wait_container(struct process *process, const char *text);
/* Says CONTAINER_FOLLOW or CONTAINER_FORGET. */
void process_say_container(struct process *process, enum ipc_message message, const char *name);
/* Answers a CONTAINER_CONNECT: with that socket (closed here), or an errno. */
void process_give_socket(struct process *process, int fd, int error);
/* Until it is gone. */
bool process_wait_gone(struct process *process);
/* The outcome with that serial, or NULL. */
const struct outcome *process_outcome(const struct process *process, uint64_t serial);
/* The first bundle that was sent, with what was found in it; slices point into both. */
void outcome_get_findings(const struct process *process, const struct outcome *outcome,
                          struct bundle *bundle, struct arena *arena);
bool outcome_has_diag(const struct outcome *outcome, enum diag_severity severity, uint32_t line,
                      const char *text);
/* Closes the channel and returns the exit status; -1 when a signal ended it. */
int process_end(struct process *process);

#endif
