/* SPDX-License-Identifier: MIT */
/* What the supervisor keeps of each tenant: its last good bundle, its sockets, who serves it. */
#ifndef SUPERVISOR_RECORD_INTERNAL_H
#define SUPERVISOR_RECORD_INTERNAL_H

#include "again_internal.h"
#include "dependencies_internal.h"
#include "figures_internal.h"
#include "namespaces_internal.h"

#include "base/fingerprint.h"
#include "config/model.h"
#include "io/address.h"
#include "ipc/channel.h"
#include "ipc/tally.h"
#include "netns/netns.h"
#include "tls/tls.h"

#include <uthash.h>

enum listener_state {
    LISTENER_WAITING,  /* its namespace is not there */
    LISTENER_DEGRADED, /* it could not be bound, or died */
    LISTENER_BOUND
};

/* One address of a tenant. */
struct listener {
    struct address address;
    char *text;  /* config_listen.text */
    char *where; /* "FILE:LINE:COLUMN", in the host's namespace only; else NULL */
    int backlog;
    bool ipv6only;
    enum listener_state state;
    int fd;           /* -1 unless bound */
    uint64_t holders; /* bit per worker that was sent the socket */
    uint64_t lacking; /* those that could not take it */
    uint64_t offered; /* those of them that may be sent it again */
    int lack;         /* errno of the last of them */
    int error;        /* errno of the failure that was last told; 0: none since it was bound */
    bool is_here;     /* its namespace had the address when that was last looked at */
    bool is_absent;   /* bound, but it had not; that has been told */
    bool is_awaited;  /* in use, but perhaps only by workers that still let go of it */
    int outcome;      /* errno and call of the last attempt */
    const char *call;
};

/* Where a tenant's listeners belong. */
struct record_netns {
    enum config_netns_kind kind;
    char *path;   /* NULL for the host's */
    uint32_t pid; /* NETNS_PID */
    char *text;   /* as written; equal means equal */
};

/* A namespace in which servers of the tenant are. */
struct place {
    struct record_netns netns;
    struct namespace_use use; /* while the plan is in force */
    struct netns_id id;       /* is_used: of the one that workers have sockets in */
    bool is_used;
    char *trouble; /* what was last said about it; NULL: nothing */
};

/* A tenant's file, read and checked as far as the supervisor does; then examined. */
struct plan {
    struct record_netns netns;
    struct listener *listeners;
    uint32_t listener_count;
    struct place *places; /* none twice */
    uint32_t place_count;
    bool has_names;  /* host names, which may stand for other addresses the next time */
    int64_t expires; /* seconds since 1970: the first of its certificates does; 0: it has none */
    struct dependencies dependencies;
    /* Of the content of its raw bundle; zero: unknown, by another binary. */
    struct fingerprint fingerprint;
    struct ipc_blob *bundle; /* raw at first, what the resolver made of it afterwards */
};

struct examination;

struct record {
    UT_hash_handle hh; /* by name */
    char *name;
    char *file;
    struct plan plan;              /* in force; no bundle: none was ever accepted */
    struct namespace_use netns;    /* of the plan in force; no namespace: the host's */
    struct residence *residence;   /* where its listeners are bound; NULL: nowhere, the host's */
    LIST_ENTRY(record) neighbours; /* of the residence */
    char *netns_trouble;           /* what was last said about the namespace; NULL: nothing */
    bool is_blocked;               /* ... it is something that does not go by itself */
    uint64_t workers;              /* bit per worker that serves it */
    uint64_t told;                 /* those that were sent a bundle of it */
    uint64_t served[TALLY_HALVES]; /* by half: workers that live and were ever sent one */
    uint64_t due;                  /* those that must be sent the present one */
    uint64_t committing;           /* those that were, and have not yet committed it */
    unsigned deliveries;           /* TENANT and LISTENER messages that are not yet COMMITTED */
    unsigned deaths;               /* of workers over such a one, since all had committed it */
    uint32_t slot;                 /* in the tally */
    struct tls_ticket_keys tickets;
    uint64_t round;                /* the last round that saw its file */
    bool is_named;                 /* has a file: for removal_of */
    bool is_todo;                  /* waits in the round's list */
    uint64_t order;                /* of its file among those of the round */
    struct contender *contender;   /* accepted, but another has what it wants */
    bool awaits_names;             /* its file is not in force: host names have no address */
    char *names_trouble;           /* ... or only those that they had; NULL: nothing */
    bool is_refused;               /* its file, as it is now, is not in force */
    uint64_t presence_turn;        /* of presence_look that last looked into it */
    uint64_t generation;           /* how often it was put in force, changes included */
    struct record_figures figures; /* of the last time that the workers were asked */
    char *error;                   /* what is wrong with that file; NULL: nothing */
    struct again again;
    struct examination *examination; /* at the resolver, or on the way */
    TAILQ_ENTRY(record) todo;
};

TAILQ_HEAD(record_list, record);

static inline bool record_is_in_force(const struct record *record)
{
    return record->plan.bundle != NULL;
}

/* All tenants, in the order in which they came. Embedded by its owner. */
struct registry {
    struct record *records;
    struct claim *claims;
    struct residence *residences;
    unsigned char slots[TALLY_TENANTS / 8]; /* taken ones */
};

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
void record_set_file(struct record *record, const char *file);

/* What was last found wrong with its file (copied); NULL: nothing any more. */
void record_set_error(struct record *record, const char *error);

/* Which host name has no address now (copied); NULL: none that is known. */
void record_set_names_trouble(struct record *record, const char *trouble);

/* New keys in front; the one before them still decrypts. */
void record_rotate_tickets(struct record *record);

/* Random bytes, for secrets. */
void record_random(void *data, size_t size);

void plan_free(struct plan *plan);
void listener_free(struct listener *listener);

#endif
