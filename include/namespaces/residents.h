/* SPDX-License-Identifier: MIT */
/* Which tenants live in which network namespace, whatever names lead there. */
#ifndef NAMESPACES_RESIDENTS_H
#define NAMESPACES_RESIDENTS_H

#include "netns/netns.h"

#include <sys/queue.h>
#include <uthash.h>

/* A tenant that may live somewhere. Embedded by its owner, who fills in the name. */
struct resident {
    LIST_ENTRY(resident) next;
    struct residence *residence; /* NULL: nowhere, or in the host's own namespace */
    const char *name;            /* the tenant's */
};

/* A namespace in which tenants' listeners are. Without a socket of ours in it the kernel may give
 * its identity to another; then those who lived there are soon found to have left. */
struct residence {
    UT_hash_handle hh; /* by id */
    struct netns_id id;
    LIST_HEAD(, resident) residents;
};

/* Embedded by its owner; all zero: nobody lives anywhere. */
struct residents {
    struct residence *residences;
};

/* Where the tenant lives; zero: nowhere, or in the host's own. */
static inline struct netns_id resident_where(const struct resident *resident)
{
    return resident->residence ? resident->residence->id : (struct netns_id){0};
}

static inline bool resident_is_in(const struct resident *resident, struct netns_id id)
{
    return resident->residence && netns_id_equal(resident->residence->id, id);
}

/* NULL: nobody lives there. */
struct residence *residents_find(const struct residents *residents, struct netns_id id);

/* Another tenant that lives there; NULL: none. */
struct resident *residents_other(const struct residents *residents, struct netns_id id,
                                 const struct resident *resident);

/* The tenant lives there, and nowhere else. */
void residents_enter(struct residents *residents, struct resident *resident, struct netns_id id);

/* It lives nowhere; harmless when it did not live anywhere. */
void residents_leave(struct residents *residents, struct resident *resident);

#endif
