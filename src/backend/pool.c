/* SPDX-License-Identifier: MIT */
/* Keeps idle connections for the next exchange. */
#include "pool_internal.h"

static void pool_unlink(struct backend_connection *connection)
{
    struct backend_endpoint *endpoint = connection->endpoint;
    struct backend_group *group = endpoint->group;
    TAILQ_REMOVE(&endpoint->idle, connection, of_endpoint);
    TAILQ_REMOVE(&group->idle, connection, of_group);
    group->idle_count--;
    group->backends->idle_count--;
    connection->is_idle = false;
}

struct backend_connection *pool_take(struct backend_endpoint *endpoint, bool http2)
{
    struct backend_connection *connection = TAILQ_FIRST(&endpoint->idle);
    while (connection && !http2 && connection->protocol->is_http2)
        connection = TAILQ_NEXT(connection, of_endpoint);
    if (connection)
        pool_unlink(connection);
    return connection;
}

static void pool_close(struct backend_connection *connection, int reason)
{
    pool_unlink(connection);
    connection->protocol->close(connection, reason);
}

void pool_share(struct backend_connection *connection)
{
    if (connection->is_shared)
        return;
    TAILQ_INSERT_HEAD(&connection->endpoint->shared, connection, of_endpoint);
    connection->is_shared = true;
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

bool pool_put(struct backend_connection *connection)
{
    struct backend_endpoint *endpoint = connection->endpoint;
    struct backend_group *group = endpoint->group;
    if (endpoint->is_retired || !group->is_current || group->keepalive == 0 ||
        (group->backends->is_draining && !endpoint->netns) || connection->standing == BACKEND_STALE)
        return false;
    if (group->idle_count >= group->keepalive)
        pool_close(TAILQ_LAST(&group->idle, backend_connections), BACKEND_CLOSE_KEEPALIVE_FULL);
    TAILQ_INSERT_HEAD(&endpoint->idle, connection, of_endpoint);
    TAILQ_INSERT_HEAD(&group->idle, connection, of_group);
    group->idle_count++;
    group->backends->idle_count++;
    connection->is_idle = true;
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

void pool_trim(struct backend_group *group)
{
    while (group->idle_count > group->keepalive)
        pool_close(TAILQ_LAST(&group->idle, backend_connections), BACKEND_CLOSE_KEEPALIVE_FULL);
}

void pool_remove(struct backend_connection *connection)
{
    pool_unshare(connection);
    if (connection->is_idle)
        pool_unlink(connection);
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
