/* SPDX-License-Identifier: MIT */
/* What workers have been told of one tenant, and have yet to be told. */
#ifndef CHILDREN_ASSIGNMENT_H
#define CHILDREN_ASSIGNMENT_H

#include <stdint.h>

/* Embedded by the tenant's record. In the masks are workers of the present generation: worker_bit.
 */
struct assignment {
    const char *name;    /* the tenant's, who lives longer */
    uint32_t slot;       /* in the tally */
    uint64_t workers;    /* bit per worker that serves it */
    uint64_t told;       /* those that were sent a bundle of it */
    uint64_t due;        /* those that must be sent the present one */
    uint64_t committing; /* those that were, and have not yet committed it */
    unsigned deliveries; /* TENANT and LISTENER messages that are not yet COMMITTED */
    unsigned deaths;     /* of workers over such a one, since all had committed it */
};

#endif
