/* SPDX-License-Identifier: MIT */
/* Generations of workers: those who serve, and those of before who make room for them. */
#ifndef SUPERVISOR_GENERATION_INTERNAL_H
#define SUPERVISOR_GENERATION_INTERNAL_H

#include "child_internal.h"

struct supervisor;

/* Workers that were started together. They keep their place in memory while one of them lives. */
struct generation {
    struct child *workers; /* NULL: there is none */
    unsigned count;
    unsigned half; /* of the tally */
};

/* The present generation is supervisor->workers: what records know of workers is about it alone.
 * One more may live, that of before; a third must wait for its end. */
enum handover_state {
    HANDOVER_NONE,      /* the present one is alone */
    HANDOVER_PREPARING, /* the former one serves until the present one has got everything */
    HANDOVER_REPLACING, /* the present one is ended before it has served, another will follow it */
    HANDOVER_DRAINING   /* the present one serves, the former one finishes what runs */
};

/* Embedded by the supervisor. */
struct handover {
    enum handover_state state;
    struct generation former;
    double drains_since; /* DRAINING: loop_now() */
    double drains_until; /* the same, of the end; is only ever moved to sooner */
    ev_timer limit;      /* DRAINING: then who has not ended is killed */
    struct loop_task step;
};

void generation_init(struct supervisor *supervisor);
/* Closes the channels of all workers, and frees them. */
void generation_free(struct supervisor *supervisor);

/* Starts workers as the settings want them, hands every tenant in force to them, and makes those
 * that are there the former ones: they drain as soon as the new ones have got everything. Not
 * while a former generation lives, but one that generation_inherit has put there. */
void generation_start(struct supervisor *supervisor);

/* Workers that another program in this process has started (execve(2)) are the former ones. Each is
 * as child_init leaves it, but for its pid and, if there is one, its channel. Owns the array. */
void generation_inherit(struct supervisor *supervisor, const struct generation *former);

/* The settings in force are others: a new generation is started if they want one, now or when there
 * is room for it, and the time to drain is told to all; a drain that runs is only shortened. */
void generation_follow_settings(struct supervisor *supervisor);

/* A worker is ready, has committed all or has ended: sees at the end of this turn what follows. */
void generation_advance(struct supervisor *supervisor);

/* Whether every new connection is the present generation's. */
bool generation_is_settled(const struct supervisor *supervisor);

/* How many seconds are left to workers that drain; 0 when none do. */
double generation_drain_left(const struct supervisor *supervisor);

/* How many workers a round waits for: they are not ready, have not committed everything, or may
 * still take connections that are not theirs any more. */
unsigned generation_count_lagging(const struct supervisor *supervisor);

/* Says to all workers that they drain now, within that time; former ones have been told before. */
void generation_drain(struct supervisor *supervisor, double seconds);
/* A worker has been started: how long it drains when the supervisor goes without a word. */
void generation_tell_limit(const struct supervisor *supervisor, const struct child *worker);

/* The workers of both generations, present ones first:
 * for (worker = generation_first(s); worker; worker = generation_next(s, worker)) */
struct child *generation_first(const struct supervisor *supervisor);
struct child *generation_next(const struct supervisor *supervisor, const struct child *worker);

#endif
