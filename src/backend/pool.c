/* SPDX-License-Identifier: MIT */
/* Keeps idle connections for the next exchange. */
#include "pool_internal.h"

#include "base/container_of.h"
#include "queue_internal.h"

/* Seconds between two looks at what was not needed. */
#define LOOK_SECONDS 2.0
/* Connections that are kept though they were not needed of late, besides a quarter of those that
 * were: demand is never quite steady. */
#define SPARE 16
/* How many are closed in one go. */
#define PIECE 64
/* Seconds until the next piece. */
#define PIECE_SECONDS 0.01

static void pool_unlink(struct backend_connection *connection)
{
    struct backend_endpoint *endpoint = connection->endpoint;
    struct backend_group *group = endpoint->group;
    TAILQ_REMOVE(&endpoint->idle, connection, of_endpoint);
    TAILQ_REMOVE(&group->idle, connection, of_group);
    endpoint->idle_count--;
    group->idle_count--;
    group->backends->idle_count--;
    endpoint_count(endpoint);
    if (group->seen.least > group->idle_count)
        group->seen.least = group->idle_count;
    connection->is_idle = false;
}

void pool_take(struct backend_connection *connection)
{
    if (connection->is_idle)
        pool_unlink(connection);
}

struct backend_connection *pool_idle(const struct backend_endpoint *endpoint, bool http2)
{
    struct backend_connection *connection = TAILQ_FIRST(&endpoint->idle);
    while (connection && !http2 && connection->protocol->is_http2)
        connection = TAILQ_NEXT(connection, of_endpoint);
    return connection;
}

static void pool_close(struct backend_connection *connection, int reason)
{
    pool_unlink(connection);
    connection->protocol->close(connection, reason);
}

static void note_given(struct backend_endpoint *endpoint)
{
    making_given(&endpoint->making, loop_now(endpoint->group->backends->loop));
}

void pool_share(struct backend_connection *connection)
{
    if (connection->is_shared)
        return;
    TAILQ_INSERT_HEAD(&connection->endpoint->shared, connection, of_endpoint);
    connection->is_shared = true;
    if (!connection->is_making)
        note_given(connection->endpoint);
    queue_wake(connection->endpoint->queue);
}

void pool_share_last(struct backend_connection *connection)
{
    pool_unshare(connection);
    TAILQ_INSERT_TAIL(&connection->endpoint->shared, connection, of_endpoint);
    connection->is_shared = true;
}

void pool_unshare(struct backend_connection *connection)
{
    if (!connection->is_shared)
        return;
    TAILQ_REMOVE(&connection->endpoint->shared, connection, of_endpoint);
    connection->is_shared = false;
}

struct backend_connection *pool_shared(const struct backend_endpoint *endpoint, double after)
{
    struct backend_connection *connection;
    TAILQ_FOREACH (connection, &endpoint->shared, of_endpoint)
        if (connection->opened > after)
            return connection;
    return NULL;
}

/* ---- following the demand ---- */

static void start_period(struct backend_group *group)
{
    group->seen_before = group->seen;
    group->seen = (struct backend_idle_range){group->idle_count, group->idle_count};
}

/* From now on it is seen how many are idle at once. */
static void watch(struct backend_group *group)
{
    if (group->seen.most < group->idle_count)
        group->seen.most = group->idle_count;
    if (group->idle_count <= SPARE || group->keepalive != CONFIG_KEEPALIVE_FOLLOWS ||
        deadline_is_set(&group->look))
        return;
    start_period(group);
    group->seen_before.least = 0;
    deadline_set(&group->look, LOOK_SECONDS);
}

/* What was idle all the time, in this period and the one before, was not needed. */
static uint32_t unneeded(const struct backend_group *group)
{
    const struct backend_idle_range *now = &group->seen, *before = &group->seen_before;
    uint32_t least = now->least < before->least ? now->least : before->least;
    uint32_t most = now->most > before->most ? now->most : before->most;
    uint32_t spare = SPARE + (most - least) / 4;
    return least > spare ? least - spare : 0;
}

static void on_look(struct deadline *deadline)
{
    struct backend_group *group = CONTAINER_OF(deadline, struct backend_group, look);
    if (group->keepalive != CONFIG_KEEPALIVE_FOLLOWS)
        return;
    uint32_t surplus = unneeded(group);
    for (uint32_t i = 0; i < surplus && i < PIECE; i++) {
        pool_close(TAILQ_LAST(&group->idle, backend_connections), BACKEND_CLOSE_UNNEEDED);
        group->seen_before.least--;
        group->seen_before.most--;
        group->seen.most--;
    }
    if (surplus <= PIECE)
        start_period(group);
    if (group->idle_count > SPARE)
        deadline_set(&group->look, surplus > PIECE ? PIECE_SECONDS : LOOK_SECONDS);
}

void pool_init(struct backend_group *group)
{
    TAILQ_INIT(&group->idle);
    deadline_init(&group->look, group->backends->loop, on_look);
}

void pool_stop(struct backend_group *group)
{
    deadline_stop(&group->look);
}

bool pool_put(struct backend_connection *connection)
{
    struct backend_endpoint *endpoint = connection->endpoint;
    struct backend_group *group = endpoint->group;
    if (endpoint->is_retired || !group->is_current || group->keepalive == 0 ||
        (group->backends->is_draining && !endpoint->netns) || connection->standing == BACKEND_STALE)
        return false;
    if (group->idle_count >= group->keepalive && queue_is_empty(endpoint->queue))
        pool_close(TAILQ_LAST(&group->idle, backend_connections), BACKEND_CLOSE_KEEPALIVE_FULL);
    TAILQ_INSERT_HEAD(&endpoint->idle, connection, of_endpoint);
    TAILQ_INSERT_HEAD(&group->idle, connection, of_group);
    endpoint->idle_count++;
    group->idle_count++;
    group->backends->idle_count++;
    endpoint_count(endpoint);
    connection->is_idle = true;
    making_remove(&endpoint->making, connection);
    note_given(endpoint);
    queue_wake(endpoint->queue);
    watch(group);
    return true;
}

bool pool_close_one(struct backends *backends)
{
    struct backend_owner *owner, *next_owner;
    HASH_ITER (hh, backends->owners, owner, next_owner) {
        struct backend_group *group, *next;
        HASH_ITER (hh, owner->groups, group, next) {
            if (group->idle_count == 0)
                continue;
            pool_close(TAILQ_LAST(&group->idle, backend_connections), BACKEND_CLOSE_SHORTAGE);
            return true;
        }
    }
    return false;
}

void pool_close_of(struct backend_owner *owner, unsigned most)
{
    struct backend_group *group, *next;
    HASH_ITER (hh, owner->groups, group, next) {
        for (; most > 0 && group->idle_count > 0; most--)
            pool_close(TAILQ_LAST(&group->idle, backend_connections), BACKEND_CLOSE_MAX_MEMORY);
    }
}

void pool_trim(struct backend_group *group)
{
    while (group->idle_count > group->keepalive)
        pool_close(TAILQ_LAST(&group->idle, backend_connections), BACKEND_CLOSE_KEEPALIVE_FULL);
}

void pool_remove(struct backend_connection *connection)
{
    pool_unshare(connection);
    making_remove(&connection->endpoint->making, connection);
    if (connection->is_idle)
        pool_unlink(connection);
    queue_wake(connection->endpoint->queue);
}

void pool_close_endpoint(struct backend_endpoint *endpoint, int reason)
{
    struct backend_connection *connection;
    while ((connection = TAILQ_FIRST(&endpoint->idle)))
        pool_close(connection, reason);
}

void pool_close_group(struct backend_group *group)
{
    struct backend_connection *connection;
    while ((connection = TAILQ_FIRST(&group->idle)))
        pool_close(connection, BACKEND_CLOSE_SERVER_REMOVED);
}
