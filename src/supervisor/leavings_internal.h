/* SPDX-License-Identifier: MIT */
/* Namespaces that a reload has made tenants leave, while exchanges there may still go on: when one
 * goes, they are let go of as if the tenant were still in it. */
#ifndef SUPERVISOR_LEAVINGS_INTERNAL_H
#define SUPERVISOR_LEAVINGS_INTERNAL_H

#include "base/slice.h"
#include "ipc/message.h"
#include "namespaces/namespaces.h"

#include <sys/queue.h>

struct supervisor;
struct child;
struct place;
struct record;
struct plan_netns;

/* Milliseconds until connections in a namespace that has gone are cut: they keep it alive. */
#define LEAVING_GRACE 1500

/* What is closed or left: a tenant's listener, or a place of its servers. */
struct left {
    const char *tenant;
    const char *text;   /* of the listener's address, or the place's namespace */
    struct netns_id id; /* of the namespace; none: the host's, or nothing is there yet */
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
                 const struct plan_netns *netns);

/* The same for a place of the tenant's servers, of which SOCKETS_STALE has been said as far as
 * workers have sockets there. Until the limit exchanges that began before may ask for more
 * (leaving_open); what they have got is cut then. */
void leaving_add_place(struct supervisor *supervisor, const struct record *record,
                       const struct place *place);

/* Opens for netns_within the place that the tenant has left, for a worker that has served it: 0,
 * and *fd is the caller's, who closes it at once; or errno. It never leads into another namespace
 * than the one in which workers have sockets. */
int leaving_open(struct supervisor *supervisor, const struct child *worker, struct slice tenant,
                 struct slice text, int *fd);

/* The tenant has servers again in a place that it has left: it is followed as before, and asked for
 * by the same workers. Returns whether workers have sockets there, and fills in its id. */
bool leaving_take_back(struct namespace *namespace, struct record *record, struct netns_id *id);

/* The worker has ended, and its exchanges with it. */
void leavings_on_death(struct supervisor *supervisor, const struct child *worker);

#endif
