/* SPDX-License-Identifier: MIT */
/* A reload that would remove most tenants at once: more likely a folder that is away for a moment
 * than somebody's wish. */
#ifndef RELOAD_REMOVAL_INTERNAL_H
#define RELOAD_REMOVAL_INTERNAL_H

#include "reload/record.h"

#include "files/tenant_files.h"

/* Among so many tenants, removing more than half is too much; removing all always is. */
#define REMOVAL_MANY 8

struct removal {
    unsigned total;   /* tenants in force, or that wait for host names */
    unsigned removed; /* those of them that have no file any more */
};

/* What a reload with these files would remove. */
struct removal removal_of(struct registry *registry, const struct tenant_files *files);

bool removal_is_too_much(const struct removal *removal);

#endif
