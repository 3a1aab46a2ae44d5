/* SPDX-License-Identifier: MIT */
/* An exchange that waits: for a connection to the server that was chosen for it, or for a server.
 */
#ifndef BACKEND_WAIT_INTERNAL_H
#define BACKEND_WAIT_INTERNAL_H

#include "group_internal.h"

/* Attaches the exchange as one that waits; attempts->after says for what. */
void wait_begin(struct backend_endpoint *endpoint, struct exchange *exchange,
                struct backend_attempts *attempts);

/* The same for one that waits until a server of the group can be chosen (`queue`). */
void wait_begin_choice(struct backend_group *group, struct exchange *exchange,
                       struct backend_attempts *attempts);

/* It waits no more: the exchange, which is returned, is free to be attached elsewhere. */
struct exchange *wait_end(struct backend_attempts *attempts);

/* It waits no more, and fails; nothing of it has left this host. reason: constant text. */
void wait_fail(struct backend_attempts *attempts, enum error error, struct slice reason);

/* The same for one that has just stopped to wait, and found nothing. */
void wait_fail_ended(struct exchange *exchange, enum error error);

#endif
