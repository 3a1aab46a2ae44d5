/* SPDX-License-Identifier: MIT */
/* Which tenant has which address of the host's own namespace: the first to claim it keeps it. */
#ifndef SOCKETS_CLAIMS_H
#define SOCKETS_CLAIMS_H

#include "sockets/tenant_sockets.h"

/* Embedded by its owner; all zero: nobody has claimed anything. */
struct claims {
    struct claim *all;
};

/* Who has it; NULL: nobody. */
struct tenant_sockets *claims_owner(const struct claims *claims, struct slice address);

/* For a free address, or one that the tenant has already. */
void claims_take(struct claims *claims, struct slice address, struct tenant_sockets *tenant);

/* Gives up what the tenant has and `kept` does not name; NULL: everything. `given` are the
 * listeners that may have claims. */
void claims_release(struct claims *claims, const struct tenant_sockets *tenant,
                    const struct plan *given, const struct plan *kept);

#endif
