/* SPDX-License-Identifier: MIT */
/* What the files of the worker share: its state, and what messages do to it. */
#ifndef WORKER_WORKER_INTERNAL_H
#define WORKER_WORKER_INTERNAL_H

#include "backend/sockets.h"
#include "cells/ring.h"
#include "frontend/frontend.h"
#include "io/deadline.h"
#include "ipc/channel.h"

struct worker {
    struct loop loop;
    struct ipc_channel *channel; /* NULL: the supervisor is gone */
    struct tls_contexts *contexts;
    struct slice authorities; /* the contexts' system certificates: a mapping, the same in all */
    struct backends *backends;
    struct frontend *frontend; /* NULL before SETUP */
    struct tally *tally;
    struct metrics_file figures; /* what it counts; memory is NULL before SETUP */
    uint32_t column;             /* of tally and cells, its own */
    unsigned long log_dropped;   /* lines of its error log that are counted */
    int log_fd;                  /* -1: stderr */
    struct ring *ring;           /* for lines of access logs; NULL: no tenant has any */
    int wake;                    /* its eventfd; -1: none */
    bool is_draining;
    bool has_told_cut;      /* how many connections its drain has cut */
    bool has_made_room;     /* for the message that is being read */
    double orphan_limit;    /* seconds to drain when the supervisor goes without a word */
    struct deadline limit;  /* of the drain */
    double drains_until;    /* loop_now(); is only ever moved to sooner */
    struct deadline settle; /* memory is given back once a change is over */
    ev_timer trim;
    int status; /* of the process */
};

/* Ends the process soon; the first failure stays one. */
void worker_stop(struct worker *worker, int status);

/* Accepts no more, and ends when the last connection does, or after that many seconds; who drains
 * already never gets more time by it. */
void worker_drain(struct worker *worker, double seconds);

/* SETUP has dropped the privileges: everything else begins. column: of the tally. Returns 0 or -1.
 */
int worker_start(struct worker *worker, uint32_t column);

/* Counts what nobody counts when it happens: done with each PING. */
void worker_count(struct worker *worker);

/* A descriptor is wanted: closes a connection that nobody uses now, a server's first. Returns
 * whether there was one. */
bool worker_make_room(struct worker *worker);

/* ---- messages.c ---- */

/* As ipc_events has it. */
int messages_take(void *owner, struct ipc_received *received);

/* Tells the supervisor of a listener that will never accept again. */
void messages_listener_dead(void *owner, struct slice tenant, struct slice address, int error);

/* ---- sockets.c ---- */

/* As backends_set_ask has it. */
int worker_ask_sockets(void *owner, const struct backend_netns_key *key);

/* SOCKETS, SOCKETS_STALE. Return 0 or ERROR_IPC. */
int worker_take_sockets(struct worker *worker, struct ipc_received *received);
int worker_leave_namespace(struct worker *worker, struct ipc_received *received);

#endif
