/* SPDX-License-Identifier: MIT */
/* Opening a namespace by a path, or as a process's. */
#ifndef NETNS_NETNS_INTERNAL_H
#define NETNS_NETNS_INTERNAL_H

#include "netns/netns.h"

#define NETNS_WHY 160 /* bytes of a reason */

struct netns_target {
    const char *path;
    struct netns_id user; /* a user namespace that may own it, besides ours; zero: none */
};

/* netns_open for such a target. */
enum netns_verdict netns_open_target(const struct netns_home *home,
                                     const struct netns_target *target, int *fd,
                                     struct netns_id *id, char why[NETNS_WHY]);

#endif
