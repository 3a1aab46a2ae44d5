/* SPDX-License-Identifier: MIT */
/* A round through all tenants: the one at the start, one per reload, or the one of -t. */
#ifndef SUPERVISOR_ROUND_INTERNAL_H
#define SUPERVISOR_ROUND_INTERNAL_H

#include "contest_internal.h"
#include "outcomes_internal.h"
#include "record_internal.h"

#include "io/loop.h"

struct supervisor;

/* What putting a plan in force was. */
enum adopted { ADOPTED_NEW, ADOPTED_CHANGED, ADOPTED_UNCHANGED };

enum round_kind { ROUND_NONE, ROUND_START, ROUND_RELOAD, ROUND_TEST };

/* Embedded by the supervisor. */
struct round {
    enum round_kind kind;    /* NONE: none runs */
    bool is_wanted;          /* another one when this is done */
    bool is_forced;          /* the next reload may remove as many tenants as it likes */
    uint64_t number;         /* of the present or last one, from 1 */
    uint64_t effective;      /* number of the last one that put a tenant in force */
    struct record_list todo; /* to be read, in the order of the files */
    uint64_t order;          /* of the last file that was read, over all rounds */
    struct contenders contenders;
    struct outcomes outcomes;
    unsigned settings_kept; /* of before: what the main file says now could not be taken over */
    bool is_committing;     /* all are handled; waits for the workers to have committed */
    ev_timer limit;         /* on that wait */
    bool is_overdue;        /* it was reached */
    struct loop_task step;
};

void round_init(struct supervisor *supervisor);
void round_free(struct supervisor *supervisor);

/* Reads the main file and begins a round. -1: the main file is broken or a pattern cannot be
 * expanded; everything has been told, and what was in force stays. A reload that comes while a
 * round runs is remembered. */
int round_begin(struct supervisor *supervisor, enum round_kind kind);

/* The supervisor ends: the round that runs is not finished, and none follows. */
void round_abandon(struct supervisor *supervisor);

/* Goes on, at the end of this turn, with whatever can be done. */
void round_advance(struct supervisor *supervisor);

/* A setting could not be taken over; if it is a reload's, who asked for that is told. */
void round_keep_setting(struct supervisor *supervisor, const char *text);

/* One tenant outside of a round: its files, which have not changed, are read and examined. */
void round_try_again(struct supervisor *supervisor, struct record *record);

/* What became of a tenant of the round. */
void round_adopted(struct supervisor *supervisor, struct record *record, enum adopted adopted);
void round_refused(struct supervisor *supervisor, struct record *record);
/* Host names have no address yet. */
void round_waits(struct record *record);
/* Takes over the plan's parts; the caller frees the rest. */
void round_accepted(struct supervisor *supervisor, struct record *record, struct plan *plan);

#endif
