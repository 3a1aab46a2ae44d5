/* SPDX-License-Identifier: MIT */
/* All places that lines of access logs go to, each with a number of its own: who uses it, and the
 * opening of its file, now and anew. Files are opened when there is somebody to take them. */
#ifndef LOGS_DESTINATIONS_H
#define LOGS_DESTINATIONS_H

#include "logs/log_file.h"
#include "logs/place.h"

#include <sys/queue.h>

#include <uthash.h>

/* Seconds for which one is kept that is configured no more: what has begun before may still end
 * with a line. */
#define LOG_DESTINATION_KEPT 600.0
/* Seconds until a file that could not be opened is tried again. */
#define LOG_DESTINATION_AGAIN 5.0

struct log_destination {
    UT_hash_handle hh;        /* by identity */
    UT_hash_handle by_number; /* the same ones */
    TAILQ_ENTRY(log_destination) due;
    uint32_t number; /* never another's */
    struct log_place place;
    unsigned users;
    double left;     /* loop_now(), without users: since when */
    bool is_due;     /* to be opened */
    bool has_failed; /* to be */
};

struct log_destinations_events {
    /* Whether there is somebody to take them. */
    bool (*is_heard)(void *owner);
    /* Whether that one has enough for now: log_destinations_resume follows. */
    bool (*is_full)(void *owner);
    /* It is there; its file, if it is one, follows, now (fd, which stays the caller's) or later
     * (-1).
     */
    void (*on_open)(void *owner, const struct log_destination *destination, int fd);
    void (*on_close)(void *owner, const struct log_destination *destination);
    /* No file is being opened any more. error: of the last one that could not be, since there was
     * none; NULL. */
    void (*on_settled)(void *owner, const char *error);
};

/* Embedded by its owner. */
struct log_destinations {
    const struct log_destinations_events *events;
    void *owner;
    struct log_destination *all;
    struct log_destination *numbers;
    TAILQ_HEAD(, log_destination) due;
    struct log_destination *opening;
    struct log_file file;
    struct deadline again;
    struct deadline sweep;
    uint32_t last;   /* number that was given */
    bool is_opening; /* whichever */
    char error[1024];
};

/* Those of one tenant, in the order of its plan; zeroed: none. */
struct log_numbers {
    uint32_t *list;
    uint32_t count;
};

/* program: as log_file_init has it. */
void log_destinations_init(struct log_destinations *destinations, struct loop *loop,
                           const char *program, const struct log_destinations_events *events,
                           void *owner);
void log_destinations_free(struct log_destinations *destinations);

/* A tenant uses these from now on, and no others any more; count 0 frees the numbers. */
void log_destinations_use(struct log_destinations *destinations, struct log_numbers *numbers,
                          const struct log_place *places, uint32_t count);

/* Somebody is there who knows none of them: tells them all. */
void log_destinations_tell(struct log_destinations *destinations);
/* Goes on with what is to be opened: there is room for it again. */
void log_destinations_resume(struct log_destinations *destinations);
/* Opens all files anew; on_settled follows, perhaps before this returns. */
void log_destinations_reopen(struct log_destinations *destinations);

/* Whether there is any. */
bool log_destinations_are_there(const struct log_destinations *destinations);

/* For the next binary: numbers and places. */
void log_destinations_put(struct wire_writer *writer, const struct log_destinations *destinations);
/* Into an empty one, without users. The reader tells whether it has failed. */
void log_destinations_get(struct wire_reader *reader, struct log_destinations *destinations);

#endif
