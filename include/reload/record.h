/* SPDX-License-Identifier: MIT */
/* What the supervisor keeps of each tenant: its last good bundle, its sockets, who serves it. */
#ifndef RELOAD_RECORD_H
#define RELOAD_RECORD_H

#include "reload/retry.h"

#include "base/container_of.h"
#include "children/assignment.h"
#include "files/plan.h"
#include "ipc/tally.h"
#include "logs/destinations.h"
#include "sockets/claims.h"
#include "tls/tls.h"

#include <uthash.h>

struct contender;
struct examination;

struct record {
    UT_hash_handle hh; /* by name */
    char *name;
    char *file;
    struct plan plan;              /* in force; no bundle: none was ever accepted */
    struct tenant_sockets sockets; /* the same */
    struct assignment assignment;  /* to workers; with its slot in the tally */
    struct tls_ticket_keys tickets;
    struct log_numbers logs;     /* where lines of the plan in force go */
    struct cells cells;          /* what its workers share; fits the plan in force */
    uint64_t dead[TALLY_HALVES]; /* columns of dead workers, as bits, that still count there */
    uint64_t seen;               /* number of the last reload that saw its file */
    bool is_named;               /* has a file: for removal_of */
    bool is_todo;                /* waits in the reload's list */
    uint64_t order;              /* of its file among those of the reload */
    struct contender *contender; /* accepted, but another has what it wants */
    bool awaits_names;           /* its file is not in force: host names have no address */
    char *names_trouble;         /* ... or only those that they had; NULL: nothing */
    bool is_refused;             /* its file, as it is now, is not in force */
    struct metrics_cells **certificates; /* of those of the plan, on the board; each may be NULL */
    uint32_t certificate_count;
    uint64_t certificates_of; /* the version whose they are */
    uint64_t version;         /* how often it was put in force, changes included */
    char *error;              /* what is wrong with that file; NULL: nothing */
    struct retry retry;
    struct examination *examination; /* at the resolver, or on the way */
    TAILQ_ENTRY(record) todo;
};

TAILQ_HEAD(record_list, record);

static inline bool record_is_in_force(const struct record *record)
{
    return record->plan.bundle;
}

static inline struct record *record_of_assignment(const struct assignment *assignment)
{
    return CONTAINER_OF(assignment, struct record, assignment);
}

static inline struct record *record_of_sockets(const struct tenant_sockets *sockets)
{
    return CONTAINER_OF(sockets, struct record, sockets);
}

static inline struct record *record_of_resident(const struct resident *resident)
{
    return CONTAINER_OF(resident, struct record, sockets.resident);
}

/* All tenants, in the order in which they came. Embedded by its owner. */
struct registry {
    struct record *records;
    struct claims claims;
    struct residents residents;
    unsigned char slots[TALLY_TENANTS / 8]; /* taken ones */
};

/* Walks over all; the one it is at may be removed. */
#define REGISTRY_FOREACH(each, registry)                                                           \
    for (struct record *each = (registry)->records, *each##_next = NULL;                           \
         (each) && ((each##_next = (each)->hh.next), true); (each) = each##_next)

struct record *registry_find(const struct registry *registry, struct slice name);
/* NULL when the tally has no room for another. tally may be NULL (-t). */
struct record *registry_add(struct registry *registry, struct slice name, const char *file,
                            const struct tally *tally);
/* The same with the slot that it had before an upgrade. NULL when the slot or the name is taken, or
 * there is no such slot. It has no ticket keys yet. */
struct record *registry_restore(struct registry *registry, struct slice name, struct slice file,
                                uint32_t slot);
/* Frees it; its listeners must be closed and its claims given up. */
void registry_remove(struct registry *registry, struct record *record);
/* The same for all, whose claims are given up here. */
void registry_free(struct registry *registry);

/* For the next binary. */
void registry_put(struct wire_writer *writer, const struct registry *registry);
/* Into an empty one. The reader tells whether it has failed; free the registry in both cases. Its
 * descriptors are numbers that nothing was done with. */
void registry_get(struct wire_reader *reader, struct registry *registry);
/* Shows the descriptors of cells and listeners to act, -1 excepted. */
void registry_each_descriptor(struct registry *registry, void (*act)(int *fd, void *context),
                              void *context);

void record_set_file(struct record *record, const char *file);

/* What was last found wrong with its file (copied); NULL: nothing any more. */
void record_set_error(struct record *record, const char *error);

/* Which host name has no address now (copied); NULL: none that is known. */
void record_set_names_trouble(struct record *record, const char *trouble);

/* New keys in front; the one before them still decrypts. */
void record_rotate_tickets(struct record *record);

/* Random bytes, for secrets. */
void record_random(void *data, size_t size);

/* Nothing is in force any more: frees the plan and closes its sockets. */
void record_clear_plan(struct record *record);

#endif
