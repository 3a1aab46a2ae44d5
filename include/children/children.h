/* SPDX-License-Identifier: MIT */
/* All children of the supervisor: the resolver, the observer, and the workers of up to two
 * generations. */
#ifndef CHILDREN_CHILDREN_H
#define CHILDREN_CHILDREN_H

#include "cells/memory.h"
#include "children/assignment.h"
#include "children/child.h"
#include "children/figures.h"
#include "ipc/tally.h"

/* What the owner of children is asked, and told. */
struct children_events {
    /* The tenant behind that one, in their order; behind NULL, the first. NULL: there are no more.
     */
    struct assignment *(*next)(void *owner, const struct assignment *assignment);
    /* The tenant of that name, or NULL. */
    struct assignment *(*find)(void *owner, struct slice tenant);
    /* Its examined bundle and its ticket keys. NULL: none is in force, it has none. */
    struct ipc_blob *(*bundle)(const struct assignment *assignment, struct slice *ticket_keys);
    /* The memory that its workers share; its descriptor goes with the bundle. */
    const struct cells *(*cells)(const struct assignment *assignment);
    /* The numbers of the places that its lines go to, as TENANT has them. If there are any, the
     * worker has a ring now. */
    struct slice (*logs)(struct child *worker, const struct assignment *assignment);
    /* Whether it was refused since workers had died over it. */
    bool (*was_guilty)(const struct assignment *assignment);
    /* Workers have died over its bundle, twice. */
    void (*on_guilty)(void *owner, struct assignment *assignment);
    /* Every worker has committed it: what it had done before does not count any more. */
    void (*on_cleared)(struct assignment *assignment);
    /* A worker lacks something: workers_pump_lacking within half a second. */
    void (*on_lacking)(void *owner);
    /* It has been sent a bundle of the tenant, of which it may have exchanges from now on. */
    void (*on_sent)(struct child *worker, struct assignment *assignment);
    /* Sends it the tenant's sockets that it lacks: worker_send_listener. */
    void (*send_listeners)(struct child *worker, struct assignment *assignment);
    /* It has taken the socket of that address, or cannot. */
    void (*on_taken)(struct child *worker, struct assignment *assignment, struct slice address);
    void (*on_lacked)(struct child *worker, struct assignment *assignment,
                      const struct ipc_lacked *lacked);
    /* Workers of the present generation (bits) hold no socket of the tenant any more. */
    void (*on_released)(struct assignment *assignment, uint64_t workers);
    /* Another generation is the present one: its workers have nothing yet. */
    void (*on_generation)(void *owner);
    /* SOCKETS_ASK and LISTENER_DEAD of a worker. Returns 0 or ERROR_IPC. */
    int (*on_message)(struct child *worker, struct ipc_received *received);
    void (*on_worker_death)(struct child *worker);
    /* A second is over. */
    void (*on_tick)(void *owner);
    /* A child that is stopping has ended. */
    void (*on_gone)(void *owner);
    /* No worker ever came up, however often it was tried. */
    void (*on_hopeless)(void *owner);
};

/* Workers that were started together. They keep their place in memory while one of them lives. */
struct generation {
    struct child *workers; /* NULL: there is none */
    unsigned count;
    unsigned half; /* of the tally */
};

/* What assignments know of workers is about the present generation alone. One more may live, that
 * of before; a third must wait for its end. */
enum handover_state {
    HANDOVER_NONE,      /* the present one is alone */
    HANDOVER_PREPARING, /* the former one serves until the present one has got everything */
    HANDOVER_REPLACING, /* the present one is ended before it has served, another will follow it */
    HANDOVER_DRAINING   /* the present one serves, the former one finishes what runs */
};

struct handover {
    enum handover_state state;
    struct generation former;
    struct hold hold;      /* while it is not NONE */
    double drains_since;   /* DRAINING: loop_now() */
    double drains_until;   /* the same, of the end; is only ever moved to sooner */
    struct deadline limit; /* DRAINING: then who has not ended is killed */
    struct loop_task step;
};

/* What workers should be like: the settings say it. */
struct workforce {
    unsigned count;      /* of workers */
    unsigned per_tenant; /* 0: all */
    double drain_time;   /* seconds */
    struct cage_identity identity;
};

/* Embedded by the supervisor. */
struct children {
    struct loop *loop;
    const char *program; /* what they execute */
    const struct children_events *events;
    void *owner;
    struct workforce wanted;
    struct cage_identity identity; /* the present generation's */
    struct tally *tally;           /* its owner makes and frees it */
    int tally_fd;
    int authorities_fd; /* AUTHORITIES; -1: no worker was started so far */
    int log_fd;         /* -1: syslog */
    bool is_ending;
    bool has_told_sandbox; /* that the kernel has none */
    struct child resolver;
    struct child observer;
    struct generation present;
    unsigned generation; /* how many there have been */
    struct handover handover;
    struct figures figures;
    uint64_t serial; /* of the last TENANT, TENANT_REMOVE or LISTENER */
    ev_timer heartbeat;
};

/* What happens to the children that are one of a kind. */
struct children_singles {
    const struct child_events *resolver;
    const struct child_events *observer;
};

/* The events of these are their owner's, those of workers are this room's. What else the owner
 * knows (owner, wanted, the log) it sets itself. */
void children_init(struct children *children, struct loop *loop, const char *program,
                   const struct children_singles *singles, const struct children_events *events);
/* Frees all workers, and closes all channels. */
void children_free(struct children *children);

/* The heartbeat begins. */
void children_watch(struct children *children);

/* Walks over the workers of one generation. */
#define GENERATION_FOREACH(each, generation)                                                       \
    for (struct child *each = (generation)->workers;                                               \
         (each) && (each) < (generation)->workers + (generation)->count; (each)++)

/* Walks over those of both, present ones first. */
#define WORKERS_FOREACH(each, children)                                                            \
    for (struct child *each = children_first(children); each;                                      \
         (each) = children_next(children, each))

static inline struct child *children_first(const struct children *children)
{
    return children->present.count > 0 ? &children->present.workers[0]
                                       : children->handover.former.workers;
}

static inline struct child *children_next(const struct children *children,
                                          const struct child *worker)
{
    const struct generation *present = &children->present;
    const struct generation *former = &children->handover.former;
    unsigned next = worker->index + 1;

    if (worker->is_former)
        return next < former->count ? &former->workers[next] : NULL;
    return next < present->count ? &present->workers[next] : former->workers;
}

/* SIGCHLD came. */
void children_reap(struct children *children);
void children_signal(struct children *children, int signal);
/* None is started again. */
void children_stop(struct children *children);
/* Whether any process of them is left. */
bool children_are_running(const struct children *children);
/* The observer is told to end if it is the last one: it has heard what all others had to say. */
void children_dismiss_last(struct children *children);

/* The log is there from now on (logging's descriptor; -1: syslog), at the level that log_set_level
 * has put in force: tells all. */
void children_set_log(struct children *children, int fd);

/* Says LISTENER_CLOSE to workers of the present generation (bits), and to all former ones, which
 * may have it too. */
void children_close_listener(struct children *children, const struct ipc_listener_close *body,
                             uint64_t workers);
/* Says SOCKETS_STALE to all workers of both generations. */
void children_leave_sockets(struct children *children, const struct ipc_sockets_stale *body);

/* ---- for the next binary ---- */

/* A worker that goes on with its connections until those of the next binary serve. */
struct worker_state {
    pid_t pid;
    uint32_t index;
    int channel;    /* our end, a number that nothing was done with; -1: none */
    uint64_t asked; /* PING and PONG on it */
    uint64_t answered;
};

struct children_state {
    uint32_t half;       /* of the tally, that the workers use */
    uint32_t generation; /* theirs */
    uint32_t count;
    struct worker_state workers[TALLY_WORKERS]; /* by their index; dead ones are left out */
};

/* The present generation. */
void children_put(struct wire_writer *writer, const struct children *children);
/* The reader tells whether it has failed. */
void children_get(struct wire_reader *reader, struct children_state *state);
/* Shows act the channels' descriptors. */
void children_each_descriptor(const struct children *children, void (*act)(int *fd, void *context),
                              void *context);

#endif
