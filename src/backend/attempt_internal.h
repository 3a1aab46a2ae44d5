/* SPDX-License-Identifier: MIT */
/* Attempts that have waited for an endpoint. */
#ifndef BACKEND_ATTEMPT_INTERNAL_H
#define BACKEND_ATTEMPT_INTERNAL_H

#include "group_internal.h"

/* Goes on with one that waits in the group's queue, if there is an endpoint for it now. */
bool attempt_continue(struct backend_group *group, struct backend_attempts *attempts);

/* An attempt has its connection: it is a request to that endpoint. */
void attempt_count(struct backend_endpoint *endpoint);

#endif
