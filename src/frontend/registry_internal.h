/* SPDX-License-Identifier: MIT */
/* The registry of a worker: tenants, their listeners, and who counts what. Connections stand above
 * it, and what a connection speaks does not see it. */
#ifndef FRONTEND_REGISTRY_INTERNAL_H
#define FRONTEND_REGISTRY_INTERNAL_H

#include "base/close.h"
#include "frontend/frontend.h"
#include "h2/pool_internal.h"
#include "io/deadline.h"
#include "io/watch.h"

#include <uthash.h>

struct connection;
TAILQ_HEAD(connection_list, connection);

struct frontend {
    struct frontend_config config;
    struct metrics_cells *process;   /* of this worker */
    struct frontend_tenant *tenants; /* by name; the removed ones too, until they are empty */
    struct exchange_pool exchanges;
    struct dispatch_shared *shared;

    int listen_set; /* the epoll set of all listeners */
    struct loop_watch listen_watch;
    void (*accept)(struct loop_task *task); /* run by a listener's turn */
    struct deadline listen_retry;
    bool is_short;      /* accepting is paused: no descriptors */
    double short_at;    /* loop_now() of the last shortage; 0: none yet */
    unsigned listeners; /* descriptors open */

    LIST_HEAD(, connection) all; /* until their memory is given back */
    LIST_HEAD(, connection) free;
    unsigned connections;
    unsigned cut;    /* of them, since it drains: their time was over */
    uint64_t serial; /* of the last connection */
    struct front_stream_pool streams;

    double drain_limit;
    bool is_draining;
    struct loop_task drained; /* tells on_drained; in the end the grave */
};

/* Lines of the log about refused certificates, of which a client could make any number. */
struct refusals {
    double since; /* of the second that is counted */
    unsigned told;
    unsigned untold; /* since the last line */
};

/* Lines of the log about max_memory. */
struct memory_episode {
    double last; /* loop_now() when it was last so; 0: never */
};

/* Lines of the log about one reason for which handshakes are refused. */
struct refused_handshakes {
    double told;     /* loop_now() of the last line; 0: none yet */
    uint64_t untold; /* since then */
};

struct frontend_tenant {
    UT_hash_handle hh;
    struct frontend *frontend;
    struct tenant *tenant;    /* the current one; NULL: removed */
    struct loop_share *share; /* of the worker's time */
    uint32_t slot;
    unsigned connections;
    uint64_t number;             /* whose figures are its */
    struct metrics_cells *cells; /* NULL: it is removed, or nobody counts */
    struct connection_list idle; /* may be closed at any time; the oldest first */
    struct connection_list busy;
    LIST_HEAD(, front_listener) listeners;
    struct refusals refusals;
    struct refused_handshakes refused_handshakes[CLOSE_HANDSHAKE_LIMITS];
    bool is_leaving;         /* handed over: goes with its last connection */
    bool is_full;            /* max_connections, max_memory: its listeners are not watched */
    struct deadline recheck; /* another worker may have made room */
    struct memory_episode memory_shut, memory_full;
    struct loop_task grave;
    size_t name_len;
    char name[];
};

/* One address of one tenant; lives as long as it has a descriptor or connections. */
struct front_listener {
    LIST_ENTRY(front_listener) next;
    struct frontend_tenant *tenant;
    struct tenant_listener *current; /* in tenant->tenant; NULL: it has no such address */
    int fd;                          /* -1: closed */
    bool is_watched;                 /* is in the epoll set */
    unsigned connections;
    struct metrics_cells *cells; /* NULL until its first connection */
    struct loop_task turn;       /* to accept, in its tenant's share */
    struct loop_task grave;
    uint64_t netns; /* struct frontend_listener_id */
    size_t address_len;
    char address[];
};

static inline struct slice frontend_tenant_name(const struct frontend_tenant *tenant)
{
    return (struct slice){tenant->name, tenant->name_len};
}

static inline struct slice listener_address(const struct front_listener *listener)
{
    return (struct slice){listener->address, listener->address_len};
}

static inline struct frontend *listener_frontend(const struct front_listener *listener)
{
    return listener->tenant->frontend;
}

/* Frees the tenant at the turn's end when nothing is left of it. */
static inline void frontend_tenant_settle(struct frontend_tenant *tenant)
{
    if (!tenant->tenant && tenant->connections == 0 && LIST_EMPTY(&tenant->listeners))
        loop_bury(tenant->frontend->config.loop, &tenant->grave);
}

/* ---- tenants.c ---- */

/* The entry of that name, made if need be; and the same, NULL when there is none. It may be one
 * that was removed and whose last connections still run. */
struct frontend_tenant *tenants_obtain(struct frontend *frontend, struct slice name);
struct frontend_tenant *tenants_find(struct frontend *frontend, struct slice name);

/* From here on nothing of it is served. */
void tenants_forget_current(struct frontend_tenant *tenant);

/* Gives a reference back, and the backends' with the last one. */
void tenants_release(struct frontend *frontend, struct tenant *tenant);

/* At the frontend's end. */
void tenants_free(struct frontend *frontend);

/* A connection of the listener is there, or gone: counts it, and makes what was waiting for it go
 * on. */
void tenants_count_connection(struct front_listener *listener);
void tenants_uncount_connection(struct front_listener *listener, bool is_counted);

/* ---- listeners.c ---- */

struct front_listener *listener_find(struct frontend_tenant *tenant,
                                     const struct frontend_listener_id *id);
struct front_listener *listener_new(struct frontend_tenant *tenant,
                                    const struct frontend_listener_id *id);

/* Takes fd over in place of the one it has; -1 closes. */
void listener_set_fd(struct front_listener *listener, int fd);

/* Watches it or not, as its tenant's state asks. */
void listener_refresh(struct front_listener *listener);

/* Frees it at the turn's end when nothing is left of it. */
void listener_settle(struct front_listener *listener);

/* Accepting pauses everywhere, for a reason that is told once in a while; and goes on: a descriptor
 * was closed. */
void listeners_pause(struct frontend *frontend, const char *reason);
void listeners_resume(struct frontend *frontend);

/* The tenant has all connections that it may have: its listeners are not watched for a while. */
void listeners_tenant_is_full(struct frontend_tenant *tenant);

/* A connection of the tenant was closed, or may be closed now. */
void listeners_tenant_has_room(struct frontend_tenant *tenant);

/* ---- counting.c ---- */

/* A tenant's figures, of that number: from now on, and no more. Those of a tenant that has only
 * moved to another worker stay. */
void counting_begin(struct frontend_tenant *tenant, uint64_t number);
void counting_end(struct frontend_tenant *tenant);
/* A listener is freed. */
void counting_forget(struct front_listener *listener);
/* A client has no handshake, by that limit. */
void counting_refused(struct frontend_tenant *tenant, enum close_reason reason);

/* ---- handshake_limits.c ---- */

/* Whether who was just accepted may have a handshake, if the listener has TLS. If not, the socket
 * is reset and closed; that is counted, and told now and then. */
bool handshake_limits_admit(struct front_listener *listener, int fd, const struct address *peer);

/* ---- accept.c ---- */

/* Returns 0, or -1 with errno. */
int accept_init(struct frontend *frontend);
void accept_free(struct frontend *frontend);

#endif
