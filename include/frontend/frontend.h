/* SPDX-License-Identifier: MIT */
/* Frontends: a worker's listeners and client connections. */
#ifndef FRONTEND_FRONTEND_H
#define FRONTEND_FRONTEND_H

#include "backend/backend.h"
#include "dispatch/dispatch.h"
#include "exchange/exchange.h"
#include "ipc/tally.h"
#include "metrics/file.h"
#include "tenant/tenant.h"

struct frontend;        /* all of one worker */
struct frontend_tenant; /* the live side of one tenant in this worker */

struct frontend_config {
    struct loop *loop;
    struct backends *backends;
    struct tls_contexts *contexts;
    struct dispatch_log log;      /* lines of access logs */
    struct tally *tally;          /* NULL: connections are counted in this process alone */
    uint32_t column;              /* of the tally, its own */
    struct metrics_file *figures; /* this worker's; NULL: nothing is measured */
    uint32_t descriptors;         /* RLIMIT_NOFILE: accepting pauses before they run out */
    /* A listener's accept(2) can never work again (EINVAL after `ss -K`). The listener is closed.
     */
    void (*on_listener_dead)(void *owner, struct slice tenant, struct slice address, int error);
    /* The last connection is gone after frontend_drain. */
    void (*on_drained)(void *owner);
    void *owner;
};

/* NULL with errno when there is no descriptor for the listeners' epoll set. */
struct frontend *frontend_new(const struct frontend_config *config);
/* Closes everything at once; before backends_free. Its memory goes at the turn's end. */
void frontend_free(struct frontend *frontend);

/* The tenant of that name, or NULL. */
struct frontend_tenant *frontend_find_tenant(struct frontend *frontend, struct slice name);

/* Takes over the reference: new, or in place of the last one of that name, whose connections go
 * on and use this one from their next request. slot: its row of the tally; number: whose figures
 * are its (metrics/file.h), 0: nobody's. */
void frontend_set_tenant(struct frontend *frontend, struct tenant *tenant, uint32_t slot,
                         uint64_t number);

/* How long (seconds) what runs may go on when its tenant or its listener is configured no more;
 * then it is cut (RST). FRONTEND_DRAIN_LIMIT until it is called; counts for what is removed later.
 */
#define FRONTEND_DRAIN_LIMIT 30.0
void frontend_set_drain_limit(struct frontend *frontend, double seconds);

/* Closes its listeners; idle connections close now, others after their current exchange. */
void frontend_remove_tenant(struct frontend *frontend, struct slice name);

/* Another worker serves it from now on: its listeners close, and its connections come to their end
 * without a request being lost, as by frontend_drain; after the drain limit they are cut. The
 * tenant goes with the last of them. */
void frontend_hand_over_tenant(struct frontend *frontend, struct slice name);

/* An address of a tenant, in a namespace: a tenant that moves may have the same one in both. */
struct frontend_listener_id {
    struct slice tenant;
    struct slice address;
    uint64_t netns; /* inode of the namespace, which tells those apart that live; 0: the host's */
};

/* Owns fd, a listening non-blocking socket that other workers may share. A listener that has one
 * already gets this one instead. */
void frontend_add_listener(struct frontend *frontend, const struct frontend_listener_id *id,
                           int fd);
/* Closes it; connections that came by it and are idle close now, others after their current
 * exchange, and all that are left after that many seconds with RST. By then the kernel has
 * forgotten them, whether or not their clients answer, so that a namespace can go. INFINITY:
 * connections go on. */
void frontend_remove_listener(struct frontend *frontend, const struct frontend_listener_id *id,
                              double seconds);

/* Stops accepting everywhere and brings all connections to their end without a request being lost:
 * of HTTP/1, the next response of each says that it is the last, and who asks nothing for a while
 * (FRONTEND_PATIENCE, at most half of `seconds`) is closed; of HTTP/2, GOAWAY says so (RFC 9113
 * section 6.8). on_drained follows, never before this returns. Cutting what is left after `seconds`
 * is the caller's. */
#define FRONTEND_PATIENCE 5.0
void frontend_drain(struct frontend *frontend, double seconds);

/* Closes the connection that has been idle for longest, of the tenant that has most. Returns
 * whether there was one. */
bool frontend_close_idle(struct frontend *frontend);

/* Gives back what idle tenants need not hold (tenant_trim); now and then. */
void frontend_trim(struct frontend *frontend);

/* Client connections now. */
unsigned frontend_connections(const struct frontend *frontend);
/* How many of its descriptors they and listeners need at most; accepting pauses when one more
 * connection would need more than there are. */
uint64_t frontend_descriptors(const struct frontend *frontend);
/* How many have been cut in a drain, since their own time was over. */
unsigned frontend_cut(const struct frontend *frontend);

#endif
