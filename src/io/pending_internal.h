/* SPDX-License-Identifier: MIT */
/* The count of what is under way, as part of a loop. */
#ifndef IO_PENDING_INTERNAL_H
#define IO_PENDING_INTERNAL_H

struct loop;
struct pending;

struct pending *pending_new(struct loop *loop);
/* Everything has ended, and nobody waits. */
void pending_free(struct pending *pending);

#endif
