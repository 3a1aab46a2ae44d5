/* SPDX-License-Identifier: MIT */
/* Idle connections: per endpoint the most recently used first. For the whole group their number is
 * what `keepalive` says, or follows what was needed of late. */
#ifndef BACKEND_POOL_INTERNAL_H
#define BACKEND_POOL_INTERNAL_H

#include "group_internal.h"

/* Seconds after which an idle connection is closed; as nginx's keepalive_timeout of an upstream. */
#define POOL_IDLE_SECONDS 60.0

void pool_init(struct backend_group *group);
/* Must be empty. */
void pool_stop(struct backend_group *group);

/* The endpoint's most recently used idle connection, with http2 of either version, else of
 * HTTP/1.1; it stays in the pool. NULL when there is none. */
struct backend_connection *pool_idle(const struct backend_endpoint *endpoint, bool http2);

/* Takes a connection out that is about to be used, if it is idle. */
void pool_take(struct backend_connection *connection);

/* Lists a connection that carries exchanges as one that takes more, or takes it off that list;
 * both harmless when it is so already. It must not be idle. */
void pool_share(struct backend_connection *connection);
/* The same, behind all others: it is only better than none. */
void pool_share_last(struct backend_connection *connection);
void pool_unshare(struct backend_connection *connection);

/* The first shared connection of the endpoint that was opened after that time (loop_now()); it
 * stays on the list. NULL when there is none. */
struct backend_connection *pool_shared(const struct backend_endpoint *endpoint, double after);

/* Keeps a connection, closing the group's least recently used one when there are more than
 * `keepalive` says and nobody waits for one. Returns false when it must not be kept: the caller
 * closes it. In a drain those in namespaces are kept all the same: nobody may be left to ask for
 * the next socket. */
bool pool_put(struct backend_connection *connection);

/* Takes a connection out, e.g. because its peer closed it; harmless when it is neither idle nor
 * shared. */
void pool_remove(struct backend_connection *connection);

/* Closes an idle connection of any group. Returns whether there was one. */
bool pool_close_one(struct backends *backends);

/* Closes idle connections of the owner's groups, at most that many. */
void pool_close_of(struct backend_owner *owner, unsigned most);

/* Closes what is beyond the group's limit, after it has changed. */
void pool_trim(struct backend_group *group);

/* The caller holds a retired endpoint: its last connection takes it along. */
void pool_close_endpoint(struct backend_endpoint *endpoint, int reason);
/* Its upstream is no longer configured. */
void pool_close_group(struct backend_group *group);

#endif
