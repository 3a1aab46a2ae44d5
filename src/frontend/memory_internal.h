/* SPDX-License-Identifier: MIT */
/* What a tenant may hold of this worker's memory. */
#ifndef FRONTEND_MEMORY_INTERNAL_H
#define FRONTEND_MEMORY_INTERNAL_H

#include "connection_internal.h"
#include "io/gate.h"
#include "registry_internal.h"

/* max_memory; 0: no bound. From now on. */
void tenant_memory_bound(struct frontend_tenant *tenant, uint64_t bytes);

/* Whether one more connection may be accepted: half of the bound is for those that are there and
 * what they ask, the rest for the bytes that they move. The first one always may. */
bool tenant_memory_admits(const struct frontend_tenant *tenant);

/* It may not: tells so now and then. */
void tenant_memory_is_full(struct frontend_tenant *tenant);

#endif
