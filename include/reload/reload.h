/* SPDX-License-Identifier: MIT */
/* A reload: the way through all tenants' files, from what they say to what is in force. There is
 * one at the start, one whenever it is asked for, and the one of -t. */
#ifndef RELOAD_RELOAD_H
#define RELOAD_RELOAD_H

#include "reload/examiner.h"
#include "reload/outcomes.h"
#include "reload/record.h"
#include "reload/retry.h"

#include "base/fingerprint.h"
#include "control/control.h"
#include "daemon/notify.h"
#include "files/settings.h"
#include "io/deadline.h"
#include "io/pending.h"
#include "metrics/table.h"
#include "sockets/sockets.h"

struct contender;

TAILQ_HEAD(contenders, contender);

#define RELOAD_TEXT 512 /* bytes of what became of one, its end included */

enum reload_kind {
    RELOAD_NONE,
    RELOAD_START,
    RELOAD_ASKED,
    RELOAD_TEST /* -t: nothing is put in force */
};

/* What it works with, all of it the owner's. */
struct reload_inputs {
    const char *config;              /* the main file's path */
    const struct settings *settings; /* in force */
    const struct tally *tally;       /* NULL: -t */
    struct recorder_dump *dump;      /* -T; else NULL */
    unsigned workers;                /* that there are */
    const char *program;             /* by whose role -t opens others' files */
};

/* What its owner is told and asked. Every function is there. */
struct reload_events {
    /* The main file's new settings are in force from now on, and the owner's: it frees those of
     * before. Comes before the first outcome. */
    void (*on_settings)(void *owner, struct settings *settings);

    /* A tenant's workers: its plan is in force as before, and may be others' than before; is
     * another one; is in force no more. */
    void (*on_kept)(void *owner, struct record *record);
    void (*on_changed)(void *owner, struct record *record);
    void (*on_gone)(void *owner, struct record *record);
    /* Its file is gone, and it is about to be freed. */
    void (*on_removed)(void *owner, struct record *record);

    /* It is over. */
    void (*on_ended)(void *owner, enum metric_reload outcome);

    /* Whether one that is asked for must be held back: reload_begin_held follows. */
    bool (*is_held)(void *owner);
    /* Whether this is a time to try refused tenants again. */
    bool (*may_retry)(void *owner);
    /* How many workers it waits for. */
    unsigned (*count_lagging)(void *owner);
};

/* What is below it. */
struct reload_parts {
    struct loop *loop;
    struct registry *registry;
    struct namespaces *namespaces;
    struct sockets *sockets;
    struct control *control; /* who asks there for a reload is told of it */
    struct notify *notify;
};

/* Embedded by its owner. */
struct reload {
    struct loop *loop;
    struct registry *registry;
    struct namespaces *namespaces;
    struct sockets *sockets;
    struct control *control;
    struct notify *notify;
    const struct reload_events *events;
    void *owner;
    struct reload_inputs inputs; /* set by the owner before reload_begin */
    struct examiner examiner;
    struct retries retries;
    enum reload_kind kind; /* NONE: none runs */
    struct hold hold;      /* while one does */
    struct pending_waiter settled;
    bool is_wanted;          /* another one when this is done */
    bool is_forced;          /* the next one may remove as many tenants as it likes */
    bool is_over;            /* none begins any more */
    uint64_t number;         /* of the present or last one, from 1 */
    uint64_t effective;      /* number of the last one that put a tenant in force */
    struct record_list todo; /* to be read, in the order of the files */
    uint64_t order;          /* of the last file that was read, over all of them */
    struct contenders contenders;
    struct outcomes outcomes;
    unsigned settings_kept; /* of before: what the main file says now could not be taken over */
    bool is_committing;     /* all are handled; waits for the workers to have committed */
    bool is_overdue;        /* for too long */
    struct deadline limit;
    struct loop_task step;
    unsigned char secret[FINGERPRINT_KEY];
};

/* resolver: its owner is the reload's. */
void reload_init(struct reload *reload, const struct reload_parts *parts,
                 const struct reload_events *events, const struct examiner_resolver *resolver,
                 void *owner);
void reload_free(struct reload *reload);

/* Reads the main file and begins. -1: the main file is broken or a pattern cannot be expanded;
 * everything has been told, and what was in force stays. One that is asked for while another runs,
 * or is held back, is remembered. */
int reload_begin(struct reload *reload, enum reload_kind kind);
/* Begins the one that was held back, if there is one. */
void reload_begin_held(struct reload *reload);

/* The owner ends: the one that runs is not finished, and none follows. */
void reload_abandon(struct reload *reload);

/* Goes on, at the end of this turn, with whatever can be done. */
void reload_advance(struct reload *reload);

/* A setting could not be taken over; if it is a reload's, who asked for that is told. */
void reload_keep_setting(struct reload *reload, const char *text);

/* What is in force of the tenant turns out to be unusable: nothing is then, until its file is read
 * again, by a reload or after a pause. */
void reload_withdraw(struct reload *reload, struct record *record, const char *why);

#endif
