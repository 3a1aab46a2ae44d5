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
    bool queued; /* in one of the queues, which loop_defer and loop_bury see to */
    bool buried; /* ... namely among the graves */
};

/* Embedded by its owner (a process role). A turn is: wait, callbacks, tasks, graves. */
struct loop {
    struct ev_loop *ev;
    struct chain_pool buffers;
    TAILQ_HEAD(, loop_task) tasks;  /* flushes and continuations, until none is left */
    TAILQ_HEAD(, loop_task) graves; /* frees, after the tasks: nothing dies in its own callback */
    ev_prepare turn;
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

/* Runs the task once at the end of this turn, before the loop sleeps. Queued twice, run once. */
void loop_defer(struct loop *loop, struct loop_task *task);

/* The same after all tasks, for freeing what the task is embedded in. */
void loop_bury(struct loop *loop, struct loop_task *task);

/* Takes a task out of either queue; harmless when it is in none. */
void loop_cancel(struct loop *loop, struct loop_task *task);

#endif
