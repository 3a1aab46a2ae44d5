/* SPDX-License-Identifier: MIT */
/* The live side of an upstream. Nothing here points into a tenant: what the configuration says is
 * copied, so that tenants may go while their exchanges end. */
#ifndef BACKEND_GROUP_INTERNAL_H
#define BACKEND_GROUP_INTERNAL_H

#include "connection_internal.h"

#include <uthash.h>

/* One server of a group, counted by its connections. */
struct backend_endpoint {
    struct backend_group *group;
    struct address address;
    char text[ADDRESS_TEXT];
    uint32_t slot;       /* its bit in backend_attempts.tried; keeps it over reloads */
    bool is_retired;     /* no longer in the group: goes with its last connection */
    uint32_t references; /* connections, idle ones too */

    /* as configured */
    int32_t weight;
    uint32_t max_fails;
    double fail_timeout;
    bool is_backup;
    bool is_down;

    /* balance; names and meaning as in nginx's round robin */
    int32_t effective_weight;
    int32_t current_weight;
    uint32_t fails;
    double accessed; /* of the last failure */
    double checked;  /* of the last failure, or of the attempt that probes after it */

    struct backend_connections idle; /* most recently used first */
};

struct backend_group {
    UT_hash_handle hh;
    struct backends *backends;
    char *key; /* TENANT/UPSTREAM: a tenant's name has no slash */
    size_t key_len;
    struct backend_endpoint **endpoints; /* in the configuration's order */
    uint32_t endpoint_count;
    uint32_t keepalive;
    uint32_t bindings; /* tenants that are bound to it */
    uint32_t attached; /* exchanges that are under way */
    uint32_t idle_count;
    struct backend_connections idle; /* of all endpoints, most recently used first */
    struct loop_task grave;
};

struct backends {
    struct loop *loop;
    struct backend_group *groups; /* by key */
    unsigned idle_count;
    bool is_draining;
};

/* A group without endpoints, owned by the registry, which must not have one of that key. */
struct backend_group *group_new(struct backends *backends, const char *key, size_t key_len);

/* Takes over what the upstream says now. Endpoints are found again by their address. */
void group_configure(struct backend_group *group, const struct tenant_upstream *upstream);

/* Must have no attached exchange. */
void group_free(struct backend_group *group);

/* Frees it at the turn's end if neither a tenant nor an exchange uses it then. */
void group_check(struct backend_group *group);

/* An exchange is under way, or has left. */
void group_enter(struct backend_group *group);
void group_leave(struct backend_group *group);

/* Whether the pointer is (still) one of the group's; it is not followed. */
bool group_has_endpoint(const struct backend_group *group, const struct backend_endpoint *endpoint);

void endpoint_ref(struct backend_endpoint *endpoint);
void endpoint_unref(struct backend_endpoint *endpoint);

#endif
