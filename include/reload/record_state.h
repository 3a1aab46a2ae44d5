/* SPDX-License-Identifier: MIT */
/* How a tenant is, for people. */
#ifndef RELOAD_RECORD_STATE_H
#define RELOAD_RECORD_STATE_H

#include "reload/record.h"

#include "base/arena.h"

enum record_state {
    RECORD_SERVING,  /* as configured, though perhaps by the last good version of its file */
    RECORD_DEGRADED, /* some of its addresses are not listened on, or not there */
    RECORD_WAITING,  /* for its namespace, or for its first examination */
    RECORD_BLOCKED,  /* for its namespace too, but that will not come by itself */
    RECORD_REFUSED   /* nothing of it is in force */
};

enum record_state record_state(const struct record *record);
/* The same in a word; constant. */
const char *record_state_name(const struct record *record);

/* What is wrong with it, in a sentence; empty: nothing. */
struct slice record_trouble(const struct record *record, struct arena *arena);

/* Of its listeners. */
unsigned record_count_bound(const struct record *record);

#endif
