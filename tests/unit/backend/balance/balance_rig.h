/* SPDX-License-Identifier: MIT */
/* Three endpoints of a backend, "a" to "c", of which methods pick. */
#ifndef UNIT_BACKEND_BALANCE_RIG_H
#define UNIT_BACKEND_BALANCE_RIG_H

#include "backend/balance/balance_internal.h"
#include "backend/rig.h"

extern struct rig balance_rig;

/* For .init and .fini. */
void balance_rig_start(void);
void balance_rig_stop(void);

/* Picks with fresh attempts each time; returns the endpoints as letters, '-' for none (static). */
const char *balance_rig_picks(unsigned count, double now);
struct backend_endpoint *balance_rig_endpoint(unsigned index);

#endif
