/* SPDX-License-Identifier: MIT */
/* Where lines of access logs end: files, standard error, syslog. Nothing waits for any of them:
 * what does not go out is kept up to a bound, then dropped, and that is told once for each time. */
#ifndef OBSERVER_OUTPUTS_INTERNAL_H
#define OBSERVER_OUTPUTS_INTERNAL_H

#include "sender_internal.h"

#include "config/access_log.h"
#include "io/loop.h"

#include <uthash.h>

/* Bytes that one keeps at most. */
#define OUTPUT_ROOM (256u << 10)
/* Those that lines have come for, but which nobody has told of yet: how many, and for how many
 * seconds. */
#define OUTPUTS_UNKNOWN     64
#define OUTPUTS_UNKNOWN_AGE 10.0
/* Seconds without a loss until it is over. */
#define OUTPUT_CALM 10.0

struct outputs;

struct output {
    UT_hash_handle hh; /* by number */
    struct outputs *outputs;
    uint32_t number;
    bool is_known; /* has been told of */
    enum config_log_kind kind;
    char *name;
    int fd;      /* LOG_TO_FILE, LOG_TO_STDERR; -1: yet to come */
    mode_t type; /* descriptor_kind */
    struct sender sender;
    /* What is yet to go out: whole lines, but for the first if it has begun to. */
    char *bytes;
    size_t start, len, size;
    bool has_begun;
    ev_io room;
    double since;     /* loop_now() of its begin */
    uint64_t dropped; /* lines, since it has been told that there are any */
    double lost;      /* loop_now() of the last of them */
};

/* Embedded by its owner. */
struct outputs {
    struct loop *loop;
    struct output *all;
    unsigned unknown;  /* of them */
    uint64_t homeless; /* lines for which not even an unknown one could be made */
    char hostname[65];
    uint32_t dropped; /* lines, of all and of none, since on_dropped was last told */
    void (*on_dropped)(void *owner, uint32_t count); /* NULL: nobody counts them */
    void *owner;
};

/* Of one that is zeroed, but for on_dropped. Before the sandbox: asks for the machine's name. */
void outputs_init(struct outputs *outputs, struct loop *loop);
/* Writes what goes out at once. */
void outputs_free(struct outputs *outputs);

/* DESTINATION: owns fd; -1: it is yet to come, or there is none for its kind. */
void outputs_open(struct outputs *outputs, const struct ipc_destination *body, int fd);
/* DESTINATION_CLOSE */
void outputs_close(struct outputs *outputs, uint32_t number);

/* Copies one line, its line feed included. */
void outputs_put(struct outputs *outputs, uint32_t number, struct slice line);
/* Writes what there is, and tells what is to be told. */
void outputs_flush(struct outputs *outputs);
/* Tells on_dropped what has been lost since the last time. */
void outputs_tell_dropped(struct outputs *outputs);

#endif
