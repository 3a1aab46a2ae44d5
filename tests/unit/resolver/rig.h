/* SPDX-License-Identifier: MIT */
/* A real resolver process, and the test as its supervisor. */
#ifndef TESTS_RESOLVER_RIG_H
#define TESTS_RESOLVER_RIG_H

#include "ipc/channel.h"
#include "tenant/tenant.h"

#include <sys/types.h>

#define RIG_RESULTS 64

/* An EXAMINED as it came. */
struct outcome {
    uint64_t serial;
    bool usable, outdated, unresolved;
    struct diag_list diags;
    void *bytes; /* the examined bundle, if usable */
    size_t size;
    double at; /* seconds since the start of the process */
};

struct rig {
    struct loop loop;
    struct ipc_channel *channel;
    pid_t pid;
    bool is_ready, is_gone;
    uint64_t pong;    /* the last number */
    uint64_t working; /* the serial of the last WORKING */
    struct outcome outcomes[RIG_RESULTS];
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
void rig_start(struct rig *rig, bool with_setup);
/* Sends the bundle of a tenant file's text with raw files (may be NULL). */
void rig_examine(struct rig *rig, uint64_t serial, const char *text, struct bundle_file *files,
                 uint32_t file_count);
void rig_send(struct rig *rig, enum ipc_message message, const struct wire_writer *body,
              struct slice blob);
/* Until that many outcomes are there; false when it is gone or 15 s have passed. */
bool rig_wait(struct rig *rig, unsigned outcomes);
/* Until that many CONTAINER_CONNECT have come, or a CONTAINER with that text. */
bool rig_wait_connects(struct rig *rig, unsigned connects);
bool rig_wait_container(struct rig *rig, const char *text);
/* Says CONTAINER_FOLLOW or CONTAINER_FORGET. */
void rig_say_container(struct rig *rig, enum ipc_message message, const char *name);
/* Answers a CONTAINER_CONNECT: with that socket (closed here), or an errno. */
void rig_give_socket(struct rig *rig, int fd, int error);
/* Until it is gone. */
bool rig_wait_gone(struct rig *rig);
/* The outcome with that serial, or NULL. */
const struct outcome *rig_outcome(const struct rig *rig, uint64_t serial);
/* The first bundle that was sent, with what was found in it; slices point into both. */
void outcome_get_findings(const struct rig *rig, const struct outcome *outcome,
                          struct bundle *bundle, struct arena *arena);
bool outcome_has_diag(const struct outcome *outcome, enum diag_severity severity, uint32_t line,
                      const char *text);
/* Closes the channel and returns the exit status; -1 when a signal ended it. */
int rig_end(struct rig *rig);

#endif
