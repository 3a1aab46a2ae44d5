/* SPDX-License-Identifier: MIT */
/* The live side of an upstream. Nothing here points into a tenant: what the configuration says is
 * copied, so that tenants may go while their exchanges end. */
#ifndef BACKEND_GROUP_INTERNAL_H
#define BACKEND_GROUP_INTERNAL_H

#include "making_internal.h"

#include "io/deadline.h"

#include <uthash.h>

struct backend_netns_key;
struct backend_netns;
struct balance_method;

/* Attempts that wait for a connection to one server, or for a server of a group
 * (queue_internal.h). Made when somebody waits for the first time: most never need one. */
struct backend_queue {
    void *owner;                            /* the endpoint or the group */
    TAILQ_HEAD(, backend_attempts) waiting; /* who came first is the first */
    struct backend_attempts *next; /* whom the look that gave way goes on with; NULL: the first */
    uint32_t count;
    double looked_at; /* loop_now() when the late ones were sent away */
    struct loop *loop;
    void (*serve)(struct backend_queue *queue); /* looks after them */
    struct deadline tick;                       /* set while somebody waits */
    struct loop_task wake;                      /* something has changed for them */
};

/* How many connections of a group were idle at once. */
struct backend_idle_range {
    uint32_t least, most;
};

/* One server of a group, counted by its connections. */
struct backend_endpoint {
    struct backend_group *group;
    struct address address;
    struct backend_netns *netns; /* of its namespace; NULL: it is on the host's side */
    char text[ADDRESS_TEXT];
    uint32_t slot;       /* its bit in backend_attempts.tried; keeps it over reloads */
    bool is_retired;     /* no longer in the group: goes with its last connection */
    uint32_t references; /* connections, idle ones too, and exchanges that wait for one */
    uint32_t open;       /* exchanges that are under way, or wait */
    uint32_t connections;
    uint32_t idle_count; /* of them, in the pool */

    /* as configured */
    int32_t weight;
    uint32_t max_fails;
    double fail_timeout;
    uint32_t max_conns; /* 0: no limit */
    bool is_backup;
    bool is_down;

    /* balance; names and meaning as in nginx */
    int32_t effective_weight; /* round robin's */
    int32_t current_weight;
    uint32_t fails;
    double accessed; /* of the last failure */
    double checked;  /* of the last failure, or of the attempt that probes after it */

    struct tls_sessions *sessions;     /* NULL: there is no TLS, or none is to be resumed */
    struct backend_connections idle;   /* most recently used first */
    struct backend_connections shared; /* that take more exchanges, the fullest first */
    uint32_t capacity;  /* exchanges that one connection takes at once, as last heard; 0: unknown */
    double http1_until; /* loop_now() until which HTTP/2 is not spoken to it */
    double owed;        /* connections of forgiven attempts that no answer has paid for */
    double owed_at;     /* loop_now() when that was looked at */
    struct slice count_key; /* of its exchanges, the same in all workers; owned */
    struct making making;
    struct backend_queue *queue;   /* NULL: nobody has waited so far */
    uint64_t number;               /* whose figures it counts in: its owner's when they began */
    struct metrics_file *file;     /* in which they are */
    struct metrics_cells *figures; /* NULL: nobody has asked it, or nobody counts */
};

struct backend_group {
    UT_hash_handle hh;
    struct backends *backends;
    struct backend_owner *owner;
    char *name;      /* TENANT/UPSTREAM, for people */
    bool is_current; /* the tenant bound last has this upstream */
    const struct balance_method *method;
    bool http2;                          /* prior knowledge, or offered by ALPN */
    struct tls_client tls;               /* context NULL: no TLS; owns its name and its trust */
    struct backend_endpoint **endpoints; /* in the configuration's order */
    uint32_t endpoint_count;
    uint32_t keepalive;  /* see config_upstream */
    uint32_t queue_most; /* that wait for a server */
    double queue_timeout;
    struct backend_queue *queue; /* NULL: nobody has waited so far */
    uint32_t bindings;           /* tenants that are bound to it */
    uint32_t attached;           /* exchanges that are under way, or wait */
    uint32_t idle_count;
    struct backend_connections idle; /* of all endpoints, most recently used first */
    struct backend_idle_range seen;  /* since the pool was last looked at */
    struct backend_idle_range seen_before;
    struct deadline look; /* set while the pool has more than a few */
    struct loop_task grave;
};

/* The groups of all tenants of one name, which follow each other over reloads. It lives as long as
 * it has one. */
struct backend_owner {
    UT_hash_handle hh;
    struct backend_group *groups; /* by their key, an upstream's identity */
    struct exchange_allowance allowance;
    struct loop_share *share; /* in which all of its connections are served */
    struct metrics_file *figures;
    uint64_t number; /* whose figures are its (metrics/file.h); 0: nobody's */
    size_t name_len;
    char name[];
};

struct backends {
    struct loop *loop;
    const struct backend_protocol *http1;
    const struct backend_protocol *http2;
    void (*serve_endpoint)(struct backend_queue *queue); /* look after those who wait there */
    void (*serve_group)(struct backend_queue *queue);
    struct backend_owner *owners;                                 /* by the tenant's name */
    struct backend_netns *namespaces;                             /* of all tenants */
    int (*ask)(void *owner, const struct backend_netns_key *key); /* NULL: nobody */
    void *ask_owner;
    unsigned idle_count;
    bool is_draining;
};

/* A group without endpoints, owned by its owner, which must not have one of that key
 * (tenant_upstream): one upstream has a group for each way in which it is connected to, so that
 * neither connections nor TLS sessions of two ways mix. */
struct backend_group *group_new(struct backends *backends, struct backend_owner *owner,
                                struct slice key);

/* Takes over what the upstream says now. Endpoints are found again by their address
 * and namespace. */
void group_configure(struct backend_group *group, const struct tenant_upstream *upstream);

/* Its upstream is no longer in the configuration: idle connections close, used ones are not kept.
 */
void group_retire(struct backend_group *group);

/* Must have no attached exchange. The owner goes with its last group. */
void group_free(struct backend_group *group);

/* Frees it at the turn's end if neither a tenant nor an exchange uses it then. */
void group_check(struct backend_group *group);

/* Whether the pointer is (still) one of the group's; it is not followed. */
bool group_has_endpoint(const struct backend_group *group, const struct backend_endpoint *endpoint);

/* The server has said HTTP_1_1_REQUIRED (RFC 9113 section 7): for a while it gets nothing else. */
void endpoint_require_http1(struct backend_endpoint *endpoint);
bool endpoint_requires_http1(const struct backend_endpoint *endpoint);

/* An exchange is attached to a connection to it, or has left. */
void endpoint_enter(struct backend_endpoint *endpoint);
void endpoint_leave(struct backend_endpoint *endpoint);

/* Where it is counted, from its first attempt on. */
struct metrics_cells *endpoint_figures(struct backend_endpoint *endpoint);

/* How many it has and who waits now, after that has changed. */
void endpoint_count(struct backend_endpoint *endpoint);

void endpoint_ref(struct backend_endpoint *endpoint);
void endpoint_unref(struct backend_endpoint *endpoint);

/* A connection to it is made, and ends; it holds a reference meanwhile. */
void endpoint_connection_made(struct backend_endpoint *endpoint);
void endpoint_connection_ended(struct backend_endpoint *endpoint);

#endif
