/* SPDX-License-Identifier: MIT */
/* One child process: a worker or the resolver, started, watched and started again. */
#ifndef SUPERVISOR_CHILD_INTERNAL_H
#define SUPERVISOR_CHILD_INTERNAL_H

#include "heartbeat_internal.h"

#include "base/allowance.h"
#include "io/loop.h"
#include "ipc/body.h"
#include "ipc/channel.h"

#include <sys/types.h>

struct supervisor;
struct delivery;

enum child_state {
    CHILD_DOWN,     /* not running; may wait to be started again */
    CHILD_STARTING, /* runs and has its channel */
    CHILD_READY,    /* said READY */
    CHILD_LOST      /* runs, but its channel has failed: it must end */
};

/* Embedded by the supervisor. */
struct child {
    struct supervisor *supervisor;
    enum ipc_role role;
    unsigned index; /* of a worker, in its generation */
    unsigned half;  /* of the tally, its generation's */
    bool is_former; /* of the generation of before */
    enum child_state state;
    pid_t pid;                   /* 0: none */
    struct ipc_channel *channel; /* NULL unless STARTING or READY */
    double started;              /* loop_now() */
    struct heartbeat heartbeat;
    unsigned quick_deaths; /* in a row, each within a second of the start */
    bool is_stopping;      /* is not started again */
    bool is_dismissed;     /* was told to end, and is not started before it is wanted */
    bool was_ready;        /* at any time */
    bool is_ready;         /* since its start */
    bool has_failed;       /* ended by its own fault: child_is_at_fault */
    bool has_lied;         /* its answer about a bundle broke the rules */
    uint64_t working;      /* serial of the TENANT or EXAMINE that it works on; 0: none */
    int ordered;           /* the last signal that we have sent it; 0: none */
    bool has_ended;        /* what it said is still read, but nothing sent */
    ev_timer timer;        /* DOWN: start; LOST: kill */
    char reason[128];      /* why the channel failed; empty when it only closed */
    /* workers only */
    unsigned tenants;            /* that it serves */
    unsigned awaiting;           /* TENANT and TENANT_REMOVE sent and not yet COMMITTED */
    unsigned due;                /* tenants that it must be told of */
    struct delivery *deliveries; /* the same, in the order in which they were sent */
    bool owes_figures;           /* FIGURES_ASK was sent, and is not yet answered */
    bool is_lacking;             /* something could not be sent for want of room */
    struct allowance allowance;  /* microseconds of our time: admission.c */
    bool is_excessive;           /* it has used up more than that */
    struct allowance asking;     /* for sockets */
    uint64_t drained;            /* the PONG that tells that it has heard DRAIN */
};

void child_init(struct child *child, struct supervisor *supervisor, enum ipc_role role,
                unsigned index);

/* Forks, executes the supervisor's program in the child's role, and sends it SETUP. A failure is
 * logged and tried again later. */
void child_start(struct child *child);

/* A worker that another binary in this process has started: its pid, and its channel (-1: it is not
 * spoken to), which it owns from now on. */
void child_inherit(struct child *child, pid_t pid, int channel);

/* There is no more work for it: closes its channel, at which it ends. */
void child_dismiss(struct child *child);

/* Sends it a signal, if it runs. */
void child_signal(struct child *child, int signal);

/* SIGCHLD came: has it ended? If so, tells it and sees to the next start. */
void child_reap(struct child *child);

/* Stops its timer and closes its channel. */
void child_close(struct child *child);

/* Whether messages can be sent to it. */
static inline bool child_is_up(const struct child *child)
{
    return child->channel;
}

/* Whether it is not up, but will be: what it lacks then it is sent when it is. */
bool child_is_awaited(const struct child *child);

/* "worker 1", "resolver" */
void child_name(const struct child *child, char name[32]);

#endif
