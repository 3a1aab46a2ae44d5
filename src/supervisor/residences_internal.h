/* SPDX-License-Identifier: MIT */
/* Which tenants live in which namespace, whatever names lead there. */
#ifndef SUPERVISOR_RESIDENCES_INTERNAL_H
#define SUPERVISOR_RESIDENCES_INTERNAL_H

#include "record_internal.h"

/* A namespace in which tenants' listeners belong. Without a socket of ours in it the kernel may
 * give its identity to another; then those who lived there are soon found to have left. */
struct residence {
    UT_hash_handle hh; /* by id */
    struct netns_id id;
    LIST_HEAD(, record) records;
};

/* Where the tenant lives; none: nowhere, or in the host's own. */
static inline struct netns_id residence_id(const struct record *record)
{
    return record->residence ? record->residence->id : (struct netns_id){0};
}

/* NULL: nobody lives there. */
struct residence *residence_find(const struct registry *registry, struct netns_id id);

/* Another tenant that lives there; NULL: none. */
struct record *residence_other(const struct registry *registry, struct netns_id id,
                               const struct record *record);

/* The tenant lives there, and nowhere else. */
void residence_enter(struct registry *registry, struct record *record, struct netns_id id);

/* It lives nowhere; harmless when it did not live anywhere. */
void residence_leave(struct registry *registry, struct record *record);

#endif
