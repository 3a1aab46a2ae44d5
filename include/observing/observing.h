/* SPDX-License-Identifier: MIT */
/* Where the observer answers: its listening sockets, which the supervisor binds, and whether there
 * is an observer at all. */
#ifndef OBSERVING_OBSERVING_H
#define OBSERVING_OBSERVING_H

#include "children/children.h"
#include "files/settings.h"
#include "observing/access_logs.h"

struct observing_place;

/* Embedded by its owner. */
struct observing {
    struct children *children;
    const struct access_logs *logs; /* that need an observer, too */
    TAILQ_HEAD(, observing_place) places;
    /* What the present observer reads: of each source the serial of the descriptor that it was sent
     * a copy of, 0: none. */
    uint64_t shown[METRICS_SOURCES];
    bool is_over;          /* nothing is bound or started any more */
    struct deadline again; /* to bind what could not be bound */
};

void observing_init(struct observing *observing, struct children *children,
                    const struct access_logs *logs);
/* Removes the names of Unix sockets, too. */
void observing_free(struct observing *observing);

/* Binds what the settings say, lets go of what they do not say any more, tells the observer of
 * both, and starts or ends it if need be. */
void observing_follow(struct observing *observing, const struct settings *settings);
/* Starts the observer, or ends it, if what there is for it to do has changed. */
void observing_look(struct observing *observing);
/* Nothing is begun any more: the observer that runs goes on. */
void observing_stop(struct observing *observing);

/* The observer reads whatever there is of figures by now. */
void observing_share(struct observing *observing);

/* The observer has been started: it is told everything. */
void observing_on_start(struct observing *observing);
/* Whether there should be an observer. */
bool observing_is_wanted(const struct observing *observing);

#endif
