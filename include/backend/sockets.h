/* SPDX-License-Identifier: MIT */
/* Servers in network namespaces: their sockets come from a process that may enter those. */
#ifndef BACKEND_SOCKETS_H
#define BACKEND_SOCKETS_H

#include "backend/backend.h"

/* Where sockets are for. */
struct backend_netns_key {
    struct slice tenant;
    struct slice netns; /* config_netns.text */
    sa_family_t family; /* AF_INET, AF_INET6; not in backends_leave_namespace */
};

/* ask: asks for a few sockets, which backends_take_sockets answers, maybe before it returns;
 * returns 0, or the errno for which there is nobody to be asked. One question per key is open at
 * a time. Without it, no server in a namespace can be connected to. */
void backends_set_ask(struct backends *backends,
                      int (*ask)(void *owner, const struct backend_netns_key *key), void *owner);

/* The answer: unconnected, non-blocking TCP sockets, owned from now on also when nobody wants them
 * any more; or none and an errno. EAGAIN: nothing is wrong, the question came too soon. */
void backends_take_sockets(struct backends *backends, const struct backend_netns_key *key,
                           const int *sockets, unsigned count, int error);

/* The namespace is gone, or no longer the tenant's: sockets and idle connections there close now,
 * others take no more exchanges and are cut after that many seconds (INFINITY: never). What is
 * opened after this belongs to the next one of that name. */
void backends_leave_namespace(struct backends *backends, const struct backend_netns_key *key,
                              double seconds);

/* There will be no more answers: who waits for one fails now. */
void backends_forget_asked(struct backends *backends, int error);

#endif
