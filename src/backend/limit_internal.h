/* SPDX-License-Identifier: MIT */
/* max_conns: exchanges with a server at a time, counted over all workers. */
#ifndef BACKEND_LIMIT_INTERNAL_H
#define BACKEND_LIMIT_INTERNAL_H

#include "group_internal.h"

/* Whether it has room for one more at this moment. */
bool limit_has_room(const struct backend_endpoint *endpoint,
                    const struct backend_attempts *attempts);

/* Counts the attempt. Returns false when another one was quicker. */
bool limit_take(const struct backend_endpoint *endpoint, struct backend_attempts *attempts);

/* The attempt at that endpoint is over; harmless when it was not counted, or is no more. */
void limit_give(struct backend_endpoint *endpoint, struct backend_attempts *attempts);

#endif
