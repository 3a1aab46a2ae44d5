/* SPDX-License-Identifier: MIT */
/* What is, of what a tenant's plan in force says: its listeners, and the namespaces of its servers.
 */
#ifndef SOCKETS_TENANT_SOCKETS_H
#define SOCKETS_TENANT_SOCKETS_H

#include "files/plan.h"
#include "ipc/tally.h"
#include "namespaces/namespaces.h"
#include "namespaces/residents.h"

enum listener_state {
    LISTENER_WAITING,  /* its namespace is not there */
    LISTENER_DEGRADED, /* it could not be bound, or died */
    LISTENER_BOUND
};

/* One address of a tenant. */
struct listener {
    const struct plan_listener *plan;
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

/* A namespace in which servers of the tenant are. */
struct server_netns {
    const struct plan_netns *netns;
    struct namespace_use use; /* its owner is the tenant */
    struct netns_id id;       /* is_used: of the one that workers have sockets in */
    bool is_used;
    char *trouble; /* what was last said about it; NULL: nothing */
};

/* Embedded by the tenant's record, which must not move. */
struct tenant_sockets {
    TAILQ_ENTRY(tenant_sockets) next;
    struct sockets *sockets; /* NULL: it is not among the tenants of any */
    const char *name;
    const struct plan *plan; /* the one in force; while there is none, an empty one */
    struct listener *listeners;
    uint32_t listener_count;
    struct server_netns *servers;
    uint32_t server_count;
    struct namespace_use netns;    /* of the listeners; no namespace: the host's */
    struct resident resident;      /* of the namespace in which they are bound */
    char *trouble;                 /* what was last said about that namespace; NULL: nothing */
    bool is_blocked;               /* ... it is something that does not go by itself */
    uint64_t served[TALLY_HALVES]; /* by half: workers that live and were ever sent a bundle: they
                                    * may ask for sockets */
    uint64_t turn;                 /* of sockets_look_for_addresses that last looked into it */
};

/* Walks over its listeners. */
#define LISTENERS_FOREACH(each, tenant)                                                            \
    for (struct listener *each = (tenant)->listeners;                                              \
         (each) && (each) < (tenant)->listeners + (tenant)->listener_count; (each)++)

/* name and plan live longer. */
void tenant_sockets_init(struct tenant_sockets *tenant, const char *name, const struct plan *plan);
/* For the listeners and servers of the plan: nothing is bound or used yet. */
void tenant_sockets_fill(struct tenant_sockets *tenant);
/* Closes what is bound, and uses no namespace any more: as after tenant_sockets_init. */
void tenant_sockets_clear(struct tenant_sockets *tenant);
/* The same, and it leaves what it was added to. Its residence must be left. */
void tenant_sockets_free(struct tenant_sockets *tenant);

/* Workers of the present generation (bits) hold none of its listeners any more. */
void tenant_sockets_forget(struct tenant_sockets *tenant, uint64_t workers);

/* ---- for the next binary ---- */

/* What is bound, by the numbers of its descriptors, and in which namespaces of servers workers have
 * sockets. */
void tenant_sockets_put(struct wire_writer *writer, const struct tenant_sockets *tenant);
/* Behind tenant_sockets_fill, for the same plan. The reader tells whether it has failed. */
void tenant_sockets_get(struct wire_reader *reader, struct tenant_sockets *tenant);

#endif
