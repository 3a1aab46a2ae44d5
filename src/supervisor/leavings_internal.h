/* SPDX-License-Identifier: MIT */
/* Namespaces that a reload has made tenants leave, while connections there may still drain: when
 * one goes, they are let go of as if the tenant were still in it. */
#ifndef SUPERVISOR_LEAVINGS_INTERNAL_H
#define SUPERVISOR_LEAVINGS_INTERNAL_H

#include "ipc/message.h"
#include "netns/netns.h"

#include <sys/queue.h>

struct supervisor;
struct namespace;
struct record_netns;

/* Milliseconds until connections in a namespace that has gone are cut: they keep it alive. */
#define LEAVING_GRACE 1500

/* What is closed or left: a tenant's listener, or a place of its servers. */
struct left {
    const char *tenant;
    const char *text;   /* of the listener's address, or the place's namespace */
    struct netns_id id; /* of the namespace; none: the host's */
};

struct leaving;

/* Embedded by the supervisor. */
TAILQ_HEAD(leavings, leaving);

void leavings_init(struct supervisor *supervisor);
void leavings_free(struct supervisor *supervisor);

/* How long what a reload has left may go on: worker_shutdown_timeout, in milliseconds, and never
 * without an end. */
uint32_t leavings_limit(const struct supervisor *supervisor);

/* For so long the namespace, which is in use now, is followed: when it goes, all workers are sent
 * the message (LISTENER_CLOSE or SOCKETS_STALE) with LEAVING_GRACE. Copies what. Of the host's own
 * nothing is kept. */
void leaving_add(struct supervisor *supervisor, enum ipc_message message, const struct left *what,
                 const struct record_netns *netns);

/* The tenant has servers again in a place that it has left: it is followed as before. Returns
 * whether it had left one, and fills in its id. */
bool leaving_take_back(struct namespace *namespace, const char *tenant, struct netns_id *id);

/* The name may lead elsewhere than before. */
void leavings_on_namespace(struct supervisor *supervisor, const struct namespace *namespace);

#endif
