/* SPDX-License-Identifier: MIT */
/* One child process: a worker, the resolver or the observer, started, watched and started again. */
#ifndef CHILDREN_CHILD_H
#define CHILDREN_CHILD_H

#include "base/allowance.h"
#include "io/deadline.h"
#include "io/pending.h"
#include "ipc/body.h"
#include "ipc/channel.h"

#include <sys/types.h>

struct child;
struct children;
struct delivery;

enum child_state {
    CHILD_DOWN,     /* not running; may wait to be started again */
    CHILD_STARTING, /* runs and has its channel */
    CHILD_READY,    /* said READY */
    CHILD_LOST      /* runs, but its channel has failed: it must end */
};

/* What a child of a role is asked about, and what happens to it. A NULL pointer: nothing follows,
 * or no. */
struct child_events {
    void (*on_start)(struct child *child); /* has its channel, and was sent SETUP */
    /* It has ended, and what it had said was heard. Only what it says itself counts as its fault:
     * has_failed. */
    void (*on_death)(struct child *child);
    /* All but READY, PONG and WORKING. Returns 0 or ERROR_IPC. */
    int (*on_message)(struct child *child, struct ipc_received *received);
    /* WORKING, PONG. Return 0, or ERROR_IPC when that cannot be. */
    int (*on_working)(struct child *child, uint64_t serial);
    int (*on_pong)(struct child *child, uint64_t number);
    /* Whether a message that answers is of interest still: WORKING, EXAMINED. */
    bool (*awaits)(const struct child *child, enum ipc_message message, uint64_t serial);
    void (*on_drained)(struct child *child);       /* what waited for its socket has been sent */
    bool (*is_wanted)(const struct child *child);  /* although it was dismissed */
    bool (*is_patient)(const struct child *child); /* it may be silent for longer */
};

/* Of PING and PONG. */
struct heartbeat {
    uint64_t asked;    /* number of the last PING; they count from 1 */
    uint64_t answered; /* number of the last PONG */
    unsigned silence;  /* ticks since it last gave a sign of life that was asked for */
    bool is_hung;      /* it gave none, and is killed */
};

/* Embedded by its owner. */
struct child {
    struct children *children;
    const struct child_events *events;
    enum ipc_role role;
    unsigned index; /* of a worker, in its generation */
    unsigned half;  /* of the tally, its generation's */
    bool is_former; /* of the generation of before */
    enum child_state state;
    pid_t pid;                   /* 0: none */
    struct ipc_channel *channel; /* NULL unless STARTING or READY */
    int silent;       /* the same of one that speaks another version; -1: there is none */
    struct hold hold; /* while somebody waits for it */
    double started;   /* loop_now() */
    struct heartbeat heartbeat;
    unsigned quick_deaths;      /* in a row, each within a second of the start */
    bool is_stopping;           /* is not started again */
    bool is_dismissed;          /* was told to end, and is not started before it is wanted */
    bool was_ready;             /* at any time */
    bool is_ready;              /* since its start */
    uint8_t sandbox, landlock;  /* what it confines itself by (sandbox/sandbox.h) */
    bool has_failed;            /* ended by its own fault */
    bool was_killed;            /* by a signal */
    bool has_lied;              /* its answer about a bundle broke the rules */
    uint64_t working;           /* serial of the TENANT or EXAMINE that it works on; 0: none */
    int ordered;                /* the last signal that we have sent it; 0: none */
    bool has_ended;             /* what it said is still read, but nothing sent */
    struct deadline timer;      /* DOWN: start; LOST: kill */
    char reason[128];           /* why the channel failed; empty when it only closed */
    struct allowance allowance; /* microseconds of our time, for messages that nobody asked for */
    bool is_excessive;          /* it has used up more than that */
    bool has_queue;             /* messages wait for its socket */
    struct loop_task drained;   /* they do no more: tells of it at the turn's end */
    /* workers only */
    unsigned tenants;            /* that it serves */
    unsigned awaiting;           /* TENANT, TENANT_REMOVE and LISTENER not yet COMMITTED */
    unsigned due;                /* tenants that it must be told of */
    struct delivery *deliveries; /* what it awaits, in the order in which that was sent */
    bool is_lacking;             /* something could not be sent for want of room */
    struct allowance asking;     /* for sockets */
    uint64_t drain_ping;         /* its PONG tells that it has heard DRAIN; 0: was not told */
};

void child_init(struct child *child, struct children *children, enum ipc_role role,
                const struct child_events *events);

/* Forks, executes the program in the child's role, and sends it SETUP. A failure is logged and
 * tried again later. */
void child_start(struct child *child);

/* A worker that another binary in this process has started: its pid, and its channel (-1: none),
 * which it owns from now on. is_spoken: it speaks our version; if not, nothing is said or heard
 * there, but it drains when the channel closes. */
void child_inherit(struct child *child, pid_t pid, int channel, bool is_spoken);

/* There is no more work for it: closes its channel, at which it ends. */
void child_dismiss(struct child *child);

/* Sends it a signal, if it runs. */
void child_signal(struct child *child, int signal);
/* It is stuck with what it works on: kills it, and that is its own fault. */
void child_kill_hung(struct child *child);

/* SIGCHLD came: has it ended? If so, tells it and sees to the next start. */
void child_reap(struct child *child);

/* It is not started again. */
void child_stop(struct child *child);

/* Stops its timer and closes its channel: nobody waits for it. */
void child_close(struct child *child);

/* Whether messages can be sent to it. */
static inline bool child_is_up(const struct child *child)
{
    return child->channel;
}

/* "worker 1", "resolver", "observer" */
void child_name(const struct child *child, char name[32]);

/* A message of it has led to work: microseconds of it. Returns whether it may cost us that. */
bool child_charge(struct child *child, double cost);

/* Asks it out of turn, of a child that is up: whoever answers that number has taken all that was
 * sent before it. */
uint64_t child_ping(struct child *child);

#endif
