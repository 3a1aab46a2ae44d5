/* SPDX-License-Identifier: MIT */
/* max_memory: what a tenant gives up when it holds as much as it may, and who may still come. The
 * reading stops by itself (io/gate.h). */
#include "memory_internal.h"

#include "base/log.h"

/* Bytes that a connection counts for at least when another one wants to come: with a request of it,
 * and what the backend has for that. */
#define EXPECTED ((size_t)16 * 1024)
/* Idle connections that are closed in one go. */
#define CLOSE_PIECE 64
/* What comes back within so many seconds is the same episode, and is told once. */
#define EPISODE 5.0

static void tell(struct frontend_tenant *tenant, struct memory_episode *episode, const char *what)
{
    double now = loop_now(tenant->frontend->config.loop);

    if (episode->last == 0 || now - episode->last > EPISODE)
        log_warn("tenant %.*s: max_memory: %s of its %zu bytes: %u connections",
                 SLICE_PRINTF(frontend_tenant_name(tenant)), what, tenant->share->account->most,
                 tenant->connections);
    episode->last = now;
}

/* But for those that have asked already: what they asked waits to be read. */
static void close_idle(struct frontend_tenant *tenant)
{
    struct connection *connection, *next;
    unsigned left = CLOSE_PIECE;

    for (connection = TAILQ_FIRST(&tenant->idle); connection && left > 0; connection = next) {
        next = TAILQ_NEXT(connection, of_tenant);
        if (stream_is_held(connection->stream))
            continue;
        connection_close(connection, CLOSE_MAX_MEMORY);
        left--;
    }
}

static void on_shut(void *owner)
{
    struct frontend_tenant *tenant = owner;

    tell(tenant, &tenant->memory_shut, "reading pauses and idle connections are closed, for want");
    close_idle(tenant);
    backends_close_idle_of(tenant->frontend->config.backends, frontend_tenant_name(tenant),
                           CLOSE_PIECE);
}

void tenant_memory_bound(struct frontend_tenant *tenant, uint64_t bytes)
{
    static const struct gate_events events = {.on_shut = on_shut};
    size_t most = bytes > 0 ? (size_t)bytes : ACCOUNT_UNBOUNDED;

    gate_bound(tenant->share, most, &events, tenant);
    backends_bound(tenant->frontend->config.backends, frontend_tenant_name(tenant), most);
}

void tenant_memory_is_full(struct frontend_tenant *tenant)
{
    tell(tenant, &tenant->memory_full, "new connections wait, as those that are there take half");
}

bool tenant_memory_admits(const struct frontend_tenant *tenant)
{
    const struct account *account = tenant->share->account;
    size_t most = account->most / 2;

    return tenant->connections == 0 || (!account->is_over && account->standing <= most &&
                                        tenant->connections * EXPECTED <= most);
}
