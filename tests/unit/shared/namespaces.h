/* SPDX-License-Identifier: MIT */
/* Namespaces whose owner hears nothing and has no resolver. */
#ifndef SHARED_NAMESPACES_H
#define SHARED_NAMESPACES_H

#include "namespaces/namespaces.h"

extern const struct namespaces_events shared_namespaces_events;

/* For a use that only counts, in the unsigned that its owner points to, unless that is NULL. */
void shared_on_change(struct namespace_use *use);

#endif
