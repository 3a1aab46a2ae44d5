/* SPDX-License-Identifier: MIT */
/* The upgrade: the binary that stands in our place by now is tried as a child, and then executed in
 * this very process, which keeps its pid, its sockets and its workers. */
#ifndef UPGRADE_UPGRADE_H
#define UPGRADE_UPGRADE_H

#include "io/pending.h"
#include "upgrade/candidate.h"
#include "upgrade/state.h"

#include <signal.h>
#include <sys/stat.h>

/* The next binary, in the supervisor's place, is told where its state is by this argument. */
#define UPGRADE_RESUME_ARGUMENT "--resume"

enum upgrade_state {
    UPGRADE_NONE,
    UPGRADE_WANTED, /* waits for a moment at which nothing is under way */
    UPGRADE_TRYING, /* the candidate runs */
    UPGRADE_DUE,    /* it was ready: waits for such a moment again */
    UPGRADE_HELD    /* it is there, and signals wait: those of before are seen to in this turn */
};

/* What its owner does for it. */
struct upgrade_events {
    /* The resolver has nothing that must be kept; it only must not be anybody's child afterwards.
     * Ends it, and holds the upgrade up until it is gone. */
    void (*end_resolver)(void *owner);
    /* Fills in what the next binary is told, all of it borrowed, and puts the settings. */
    void (*gather)(void *owner, struct state *state, struct wire_writer *settings);
    /* Puts workers, tenants and namespaces, and shows act the descriptors that go along with them.
     */
    void (*put_rest)(void *owner, struct wire_writer *writer);
    void (*each_descriptor)(void *owner, void (*act)(int *fd, void *context), void *context);
    /* It waits for that, and has done so for a moment. */
    void (*waits)(void *owner, const char *text);
    /* All goes on as if nothing had been. */
    void (*refused)(void *owner, const char *why);
};

/* Embedded by its owner. */
struct upgrade {
    struct loop *loop;
    const struct upgrade_events *events;
    void *owner;
    enum upgrade_state state;
    char *binary; /* where we were executed from; NULL: not known */
    struct candidate candidate;
    struct stat tried;     /* the binary that is, or was, the candidate */
    uint64_t tried_reload; /* number of the last one that its state knows of */
    struct wire_writer tried_settings;
    unsigned tries;      /* of this upgrade */
    sigset_t mask;       /* HELD: of before */
    uint32_t count;      /* of those that this process has seen */
    double begun;        /* loop_now(): it is WANTED, or DUE */
    double patience;     /* seconds in which all must become quiet before it */
    bool is_arriving;    /* one has brought us here, and is not yet done */
    hold_describe *told; /* what it was last told to wait for; NULL: nothing */
    struct pending_waiter quiet;
    ev_timer tick; /* WANTED, DUE, HELD: looks again */
};

void upgrade_init(struct upgrade *upgrade, struct loop *loop, const struct upgrade_events *events,
                  void *owner);
void upgrade_free(struct upgrade *upgrade);

/* Returns no later than anything else; what became of it is in the log. A second one while one is
 * under way is the same, and is told again what that waits for. */
void upgrade_begin(struct upgrade *upgrade);

/* SIGCHLD came. */
void upgrade_on_child(struct upgrade *upgrade);

/* Whether reloads must wait: the next binary begins one anyway. */
bool upgrade_is_due(const struct upgrade *upgrade);

/* Its owner ends: there is none. */
void upgrade_abandon(struct upgrade *upgrade);

#endif
