/* SPDX-License-Identifier: MIT */
/* One process's event loop: libev, the buffers that flow through it, and whose turn it is.
 *
 * All work belongs to a share: what sockets have ready (io/watch.h), deadlines that are over
 * (io/deadline.h), and tasks. It is queued there, and the shares are served in pieces, by turns.
 * Work begets work of the same share: whatever a share's work starts (a stream, a deadline, a task)
 * is its too. Whoever uses no shares has the loop's own.
 *
 * A piece runs what became ready, then the tasks, then the graves. A task that is queued by what
 * became ready runs once for all of it: many who write to one stream cause one write. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/chain.h"
#include "share/share.h"

#include <ev.h>
#include <sys/queue.h>

struct loop_share;
struct gate;

enum loop_place { LOOP_NOWHERE, LOOP_READY, LOOP_TASK, LOOP_GRAVE };

/* Work that waits. Embedded by its owner. */
struct loop_task {
    TAILQ_ENTRY(loop_task) next;   /* in its queue */
    TAILQ_ENTRY(loop_task) by_age; /* among the tasks, or the graves, of all shares */
    void (*run)(struct loop_task *task);
    struct loop_share *share; /* in whose queue */
    /* A task: its number. A grave: of the last task that must have run before it; 0: all that are
     * queued in this piece. */
    uint64_t serial;
    enum loop_place place; /* loop_ready, loop_defer, loop_bury and loop_cancel see to it */
};

TAILQ_HEAD(loop_tasks, loop_task);

/* What waits of one tenant, say. */
struct loop_share {
    struct share share;
    struct loop *loop;
    struct loop_tasks ready;  /* sockets and deadlines; they take turns */
    struct loop_tasks tasks;  /* flushes and continuations */
    struct loop_tasks graves; /* frees: nothing dies in its own callback */
    TAILQ_ENTRY(loop_share) others;
    struct account *account; /* what its work holds of memory; NULL: the loop's own */
    struct gate *gate;       /* what it may hold (io/gate.h); NULL: anything */
    void (*gate_free)(struct gate *gate);
    unsigned references;
};

/* Embedded by its owner (a process role). */
struct loop {
    struct ev_loop *ev;
    struct pending *pending; /* what is under way: io/pending.h */
    struct chain_pool buffers;

    struct loop_share own;      /* of what is nobody's else: its piece comes before every other */
    struct share_queue shares;  /* the others that have work */
    struct loop_share *current; /* whose work runs: what it starts is its */
    struct loop_share *served;  /* whose piece it is; NULL: nobody's */
    TAILQ_HEAD(, loop_share) others; /* all shares but its own */
    struct loop_tasks by_age;        /* the tasks of all shares */
    struct loop_tasks graves_by_age; /* the graves of all shares */
    uint64_t serial;                 /* of the task that was queued last */
    double piece_end;                /* loop_clock() at which what runs should give way */
    double cpu_seen;                 /* this thread's, when it was last looked at */
    double cpu_believed;             /* what pieces have taken since, by loop_clock() */

    int set;              /* epoll's, of all that is watched by io/watch.h */
    ev_io set_io;         /* the same in libev's */
    struct heap timers;   /* armed deadlines */
    ev_timer alarm;       /* of the first of them, while libev waits */
    double alarm_at;      /* 0: it is not set */
    ev_prepare turn;      /* before libev sleeps */
    ev_idle unfinished;   /* active while work is left: libev does not sleep */
    ev_check wake;        /* after it has slept */
    bool waits_by_itself; /* see loop_wait_by_itself */
    bool is_stopped;
    void (*on_worked)(void *owner, double seconds); /* see loop_tell_work; NULL: nobody is told */
    void *work_owner;
    double now;            /* CLOCK_MONOTONIC when sockets were last asked */
    double wall_offset;    /* what makes it CLOCK_REALTIME */
    double wall_offset_at; /* when that was looked at */
    char *scratch;         /* LOOP_SCRATCH bytes that anyone may use within one call */
};

#define LOOP_SCRATCH (64 * 1024)

/* Also ignores SIGPIPE for the whole process. */
void loop_init(struct loop *loop);

/* Runs what tasks and graves still wait, then frees everything. All watches have been stopped, all
 * shares but the loop's own are gone. */
void loop_free(struct loop *loop);

/* Runs until loop_stop; the tasks and graves that are left then are done when it returns. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* For a process whose traffic is all watched by io/watch.h: while there is some, the loop waits for
 * it directly, which spares a system call each time. What libev itself watches (timers, ev_io) may
 * then come up to a second late; deadlines do not. */
void loop_wait_by_itself(struct loop *loop);

/* Whenever there was work, how long it took until sockets were asked again. It costs no look at the
 * clock. */
void loop_tell_work(struct loop *loop, void (*on_worked)(void *owner, double seconds), void *owner);

/* Monotonic seconds, as of when sockets were last asked. */
double loop_now(const struct loop *loop);

/* The same now, in the midst of a turn: for telling what something costs. */
double loop_clock(void);

/* Wall-clock seconds since 1970, as of loop_now. */
double loop_wall(const struct loop *loop);

/* ---- shares ---- */

/* The weight is at least 1. One reference is the caller's. */
struct loop_share *loop_share_new(struct loop *loop, uint32_t weight);
struct loop_share *loop_share_ref(struct loop_share *share);

/* NULL is ignored. Whoever may still have something watched, armed or queued there must hold a
 * reference. */
void loop_share_unref(struct loop_share *share);

/* At any time; counts from the next piece. */
void loop_share_set_weight(struct loop_share *share, uint32_t weight);

/* Seconds of work so far. */
double loop_share_charged(const struct loop_share *share);

/* What is started until loop_leave belongs to the share. Returns what is to be given to loop_leave.
 * For work of a share that is done on somebody else's time. */
struct loop_share *loop_enter(struct loop *loop, struct loop_share *share);
void loop_leave(struct loop *loop, struct loop_share *before);

/* Whether what runs has had its piece: long work stops, and defers what is left of it. About 25 ns:
 * not for every byte. */
bool loop_should_yield(const struct loop *loop);

/* ---- work ---- */

/* Runs the task once in this share, behind what is ready there already. */
void loop_ready(struct loop_share *share, struct loop_task *task);

/* Runs the task once, behind all tasks that the share at work has already, and behind what is ready
 * there now. Events may come in between. Queued twice, run once. A task that has much to do does a
 * piece and defers itself. */
void loop_defer(struct loop *loop, struct loop_task *task);

/* Runs it in the share at work, behind all tasks that this one has in this piece and behind its
 * older graves, for freeing what the task is embedded in. Tasks that are queued later must not need
 * it. In the loop's own share, whose work may end what is another's, it is behind the tasks and the
 * older graves of all; so are the graves that a share leaves when it ends.
 *
 * A grave may read only what it is embedded in, what it holds a reference to, and what is freed by
 * a grave that was queued later in the same share or in the loop's own. */
void loop_bury(struct loop *loop, struct loop_task *task);

/* Takes a task out of whatever queue; harmless when it is in none. */
void loop_cancel(struct loop *loop, struct loop_task *task);

#endif
