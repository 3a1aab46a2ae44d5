/* SPDX-License-Identifier: MIT */
/* What is under way to workers: sent, and not yet answered. */
#ifndef CHILDREN_DELIVERIES_INTERNAL_H
#define CHILDREN_DELIVERIES_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

struct assignment;
struct child;

/* A TENANT, TENANT_REMOVE or LISTENER that a worker has not yet committed; it commits in the order
 * in which they came, so that the first is the one that it works on. */
struct delivery {
    struct delivery *prev;
    struct delivery *next;
    struct assignment *assignment; /* NULL: a removal, or the tenant has gone since */
    char *listener;                /* the address of a LISTENER; NULL: it is none */
    uint64_t serial;
    uint64_t asked; /* number of the last PING before it */
};

/* assignment: NULL for a removal. listener: its address (copied), NULL for other messages. Returns
 * the message's serial. */
uint64_t deliveries_add(struct child *worker, struct assignment *assignment, const char *listener);

/* Frees the first one. */
void deliveries_take_first(struct child *worker);

/* Whether its answer is about what the worker has now: it may have been sent the tenant or the
 * listener again since, by another bundle or another socket. */
bool deliveries_is_last(const struct child *worker, const struct delivery *delivery);

/* The tenant goes, or all of them (NULL): what is under way is not its any more. */
void deliveries_forget(struct child *worker, struct assignment *assignment);

/* Frees all. */
void deliveries_close(struct child *worker);

/* It works on the TENANT of that serial. Returns 0, or ERROR_IPC when that is not its turn. */
int deliveries_on_working(struct child *worker, uint64_t serial);

/* It answers the PING of that number. Returns 0, or ERROR_IPC when it has not committed what it was
 * sent before that: it never will. */
int deliveries_on_pong(struct child *worker, uint64_t ping);

#endif
