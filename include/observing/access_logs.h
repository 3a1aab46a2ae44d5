/* SPDX-License-Identifier: MIT */
/* Lines of access logs on their way from workers to the observer: rings and destinations. */
#ifndef OBSERVING_ACCESS_LOGS_H
#define OBSERVING_ACCESS_LOGS_H

#include "children/children.h"
#include "logs/destinations.h"
#include "logs/rings.h"
#include "reload/record.h"

/* Embedded by its owner. */
struct access_logs {
    struct children *children;
    struct log_destinations destinations;
    struct log_rings rings;
    void (*on_settled)(void *owner, const char *error);
    void *owner;
};

/* on_settled: no file is being opened any more, for whatever reason it was; error: of one that
 * could not be, or NULL. */
void access_logs_init(struct access_logs *logs, struct children *children,
                      void (*on_settled)(void *owner, const char *error), void *owner);
void access_logs_free(struct access_logs *logs);

/* Whether there is anything for an observer to do. */
bool access_logs_are_there(const struct access_logs *logs);

/* What is in force of the tenant has changed, or is not any more. */
void access_logs_follow(struct access_logs *logs, struct record *record);
void access_logs_leave(struct access_logs *logs, struct record *record);

/* As children_events has it: the numbers that go with the tenant's bundle. */
struct slice access_logs_of(struct access_logs *logs, struct child *worker,
                            const struct record *record);

void access_logs_on_worker_death(struct access_logs *logs, const struct child *worker);
/* The observer has been started: it is told everything. */
void access_logs_on_start(struct access_logs *logs);
/* What waited for it has been sent. */
void access_logs_on_drained(struct access_logs *logs);
/* RING_DONE. Returns 0 or ERROR_IPC. */
int access_logs_on_done(struct access_logs *logs, struct wire_reader *body);
/* LINES_DROPPED: by outputs; what found no room in a ring its worker counts. Returns 0 or
 * ERROR_IPC. */
int access_logs_on_dropped(struct access_logs *logs, struct wire_reader *body);

/* Opens all files anew: on_settled follows, perhaps before this returns. */
void access_logs_reopen(struct access_logs *logs);

/* For the next binary. */
void access_logs_put(struct wire_writer *writer, const struct access_logs *logs);
/* The reader tells whether it has failed. */
void access_logs_get(struct wire_reader *reader, struct access_logs *logs);

#endif
