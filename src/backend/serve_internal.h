/* SPDX-License-Identifier: MIT */
/* What becomes of those who wait for a connection to a server. */
#ifndef BACKEND_SERVE_INTERNAL_H
#define BACKEND_SERVE_INTERNAL_H

struct backend_endpoint;

/* They get what has been given back, or open one; from a server that takes nobody they go to
 * another one; who has waited for too long fails. */
void serve_waiting(struct backend_endpoint *endpoint);

#endif
