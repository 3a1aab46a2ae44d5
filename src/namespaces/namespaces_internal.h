/* SPDX-License-Identifier: MIT */
/* What the sources of this room call of each other. */
#ifndef NAMESPACES_NAMESPACES_INTERNAL_H
#define NAMESPACES_NAMESPACES_INTERNAL_H

#include "namespaces/namespaces.h"

/* ---- refresh.c ---- */

/* The timers and events of looking again, none of them started. */
void namespaces_init_refresh(struct namespaces *namespaces);

/* Looks where its name leads now, and tells of it if that is elsewhere than before, or anyway. */
void namespace_refresh(struct namespace *namespace, bool is_told);
/* The callback of its `end`. */
void namespace_on_end(struct ev_loop *ev, ev_io *end, int events);

/* ---- containers.c ---- */

/* A namespace of kind NETNS_CONTAINER exists from now on, or no longer. */
void namespace_follow_container(struct namespace *namespace);
void namespace_forget_container(struct namespace *namespace);

#endif
