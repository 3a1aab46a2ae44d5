/* SPDX-License-Identifier: MIT */
/* One process's event loop: libev, the buffers that flow through it, and the work that waits for
 * the turn's end. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/chain.h"

#include <ev.h>
#include <sys/queue.h>

/* Work for the end of a turn. Embedded by its owner. */
struct loop_task {
    TAILQ_ENTRY(loop_task) next;
    void (*run)(struct loop_task *task);
    /* A task: its place in the queue. A grave: the last task that must have run before it; 0: all
     * that are queued in this turn. */
    uint64_t serial;
    bool queued; /* in one of the queues, which loop_defer and loop_bury see to */
    bool buried; /* ... namely among the graves */
};

TAILQ_HEAD(loop_tasks, loop_task);

/* Embedded by its owner (a process role). A turn is: wait, callbacks, tasks, graves. The end of a
 * turn has a budget (see loop_defer): what it leaves goes on in the next turn, before which epoll
 * is asked without waiting. */
struct loop {
    struct ev_loop *ev;
    struct pending *pending; /* what is under way: io/pending.h */
    struct chain_pool buffers;
    struct loop_tasks tasks;  /* flushes and continuations */
    struct loop_tasks graves; /* frees, after the tasks: nothing dies in its own callback */
    uint64_t serial;          /* of the task that was queued last */
    ev_prepare turn;
    ev_idle unfinished; /* active while work is left: the loop does not sleep */
    ev_check wake;
    double now;    /* CLOCK_MONOTONIC when the loop last woke */
    char *scratch; /* LOOP_SCRATCH bytes that anyone may use within one call */
};

#define LOOP_SCRATCH (64 * 1024)

/* Also ignores SIGPIPE for the whole process. */
void loop_init(struct loop *loop);

/* Runs what tasks and graves still wait, then frees everything. */
void loop_free(struct loop *loop);

/* Runs until loop_stop; the tasks and graves of the last turn are done when it returns. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Monotonic seconds, as of this turn's start. */
double loop_now(const struct loop *loop);

/* The same now, in the midst of a turn: for telling what something costs. */
double loop_clock(void);

/* Wall-clock seconds since 1970, as of this turn's start. */
double loop_wall(const struct loop *loop);

/* Runs the task once, behind all that are queued already, before the loop sleeps: at the end of
 * this turn, or of a later one when the budget of this one is used up. Events may come in between.
 * Queued twice, run once. A task that has much to do does a piece and defers itself. */
void loop_defer(struct loop *loop, struct loop_task *task);

/* The same behind all tasks of this turn, wherever the budget makes them run, for freeing what the
 * task is embedded in. Tasks that are queued in later turns must not need it. */
void loop_bury(struct loop *loop, struct loop_task *task);

/* Takes a task out of either queue; harmless when it is in none. */
void loop_cancel(struct loop *loop, struct loop_task *task);

#endif
