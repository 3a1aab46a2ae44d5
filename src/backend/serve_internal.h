/* SPDX-License-Identifier: MIT */
/* What becomes of those who wait for a connection to a server, or for a server. */
#ifndef BACKEND_SERVE_INTERNAL_H
#define BACKEND_SERVE_INTERNAL_H

struct backend_queue;

/* They get what has been given back, or open one; from a server that takes nobody they go to
 * another one; who has waited for too long fails. */
void serve_endpoint(struct backend_queue *queue);

/* They go to a server that has room by now, or fail when that has taken too long. */
void serve_group(struct backend_queue *queue);

#endif
