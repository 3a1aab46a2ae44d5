/* SPDX-License-Identifier: MIT */
/* What the sources of this room call of each other. */
#ifndef SOCKETS_SOCKETS_INTERNAL_H
#define SOCKETS_SOCKETS_INTERNAL_H

#include "sockets/sockets.h"

static inline struct loop *sockets_loop(const struct sockets *sockets)
{
    return sockets->namespaces->loop;
}

/* ---- tenant_sockets.c ---- */

void tenant_listeners_free(struct listener *listeners, uint32_t count);
void tenant_servers_free(struct server_netns *servers, uint32_t count);

/* ---- listeners.c ---- */

void listeners_init_retry(struct sockets *sockets);
/* The tenant uses the namespace of its plan from now on. */
void listeners_take_namespace(struct tenant_sockets *tenant);

/* ---- closing.c ---- */

struct closed_sockets listener_closed(const struct tenant_sockets *tenant,
                                      const struct listener *listener);
/* Closes what the next plan names no more; NULL: everything. */
void listeners_close(struct sockets *sockets, struct tenant_sockets *tenant,
                     const struct plan *next);
/* Closes its descriptor. */
void listener_drop(struct listener *listener, enum listener_state state);
/* The tenant's namespace has gone: everything in it is closed, soon the busy connections too, so
 * that nothing keeps it alive. */
void listeners_on_gone(struct sockets *sockets, struct tenant_sockets *tenant);

/* ---- addresses.c ---- */

/* Whether the namespace that the process is in has it; a wildcard is everywhere. Neither blocks nor
 * logs. */
bool address_is_present(const struct address *address);
/* Tells of a listener whose address has come or gone, or that has just been bound without it. */
void address_tell(const struct tenant_sockets *tenant, const struct listener *listener);

/* ---- offers.c ---- */

/* What workers lack may be sent to those whose pause is over. Returns whether any lacks anything.
 */
bool offers_make(struct sockets *sockets);

/* ---- servers.c ---- */

void servers_take_namespaces(struct tenant_sockets *tenant);
/* In place of those of the plan before, which are freed afterwards. */
void servers_adopt(struct tenant_sockets *tenant, struct server_netns *before, uint32_t count);

/* ---- drains.c: namespaces that a reload has made tenants leave, while exchanges there may still
 * go on: when one goes, they are cut as if the tenant were still in it ---- */

/* For the drain limit the namespace, which is in use now, is followed. Copies closed. Of the host's
 * own nothing is kept. */
void drain_add_listener(struct sockets *sockets, const struct closed_sockets *closed,
                        const struct plan_netns *netns);

/* The same for sockets for servers, of which on_stale has told as far as workers have any. Until
 * the limit exchanges that began before may ask for more (drain_open); what they have got is cut
 * then. */
void drain_add_servers(const struct tenant_sockets *tenant, const struct server_netns *server);

/* Opens for netns_within the namespace that the tenant has left, for a worker that has served it:
 * 0, and *fd is the caller's, who closes it at once; or errno. It never leads into another
 * namespace than the one in which workers have sockets. */
int drain_open(struct sockets *sockets, struct sockets_worker worker,
               const struct ipc_sockets_ask *question, int *fd);

/* The tenant has servers again in a namespace that it has left: it is followed as before, and asked
 * for by the same workers. Whether workers have sockets there, and where. */
void drain_take_back(struct tenant_sockets *tenant, struct server_netns *server);

void drains_on_death(struct sockets *sockets, struct sockets_worker worker);
void drains_free(struct sockets *sockets);

#endif
