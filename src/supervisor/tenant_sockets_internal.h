/* SPDX-License-Identifier: MIT */
/* What is, of what a tenant's plan in force says: its listeners and the places of its servers. */
#ifndef SUPERVISOR_TENANT_SOCKETS_INTERNAL_H
#define SUPERVISOR_TENANT_SOCKETS_INTERNAL_H

#include "files/plan.h"
#include "namespaces/namespaces.h"

struct record;

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
struct place {
    const struct plan_netns *netns;
    struct namespace_use use;
    struct record *record; /* while it is in use */
    struct netns_id id;    /* is_used: of the one that workers have sockets in */
    bool is_used;
    char *trouble; /* what was last said about it; NULL: nothing */
};

/* Embedded by the tenant's record. Zeroed is empty: no plan is in force. */
struct tenant_sockets {
    struct listener *listeners;
    uint32_t listener_count;
    struct place *places;
    uint32_t place_count;
};

/* For the listeners and places of the plan, which lives as long: nothing is bound or used yet. */
void tenant_sockets_init(struct tenant_sockets *sockets, const struct plan *plan);
/* Closes what is bound, and uses no namespace any more. */
void tenant_sockets_free(struct tenant_sockets *sockets);

/* What is bound, by the numbers of its descriptors, and in which places workers have sockets. */
void tenant_sockets_put(struct wire_writer *writer, const struct tenant_sockets *sockets);
/* Behind tenant_sockets_init, for the same plan. The reader tells whether it has failed. */
void tenant_sockets_get(struct wire_reader *reader, struct tenant_sockets *sockets);

#endif
