/* SPDX-License-Identifier: MIT */
/* Whether tenants' namespaces have the addresses that are listened on there: one can listen on an
 * address before it is there, but nobody is served. */
#ifndef SUPERVISOR_PRESENCE_INTERNAL_H
#define SUPERVISOR_PRESENCE_INTERNAL_H

#include <stdbool.h>

struct supervisor;
struct address;
struct listener;

/* Whether the namespace that the process is in has it; a wildcard is everywhere. Neither blocks nor
 * logs. */
bool presence_here(const struct address *address);

/* Tells of a listener that has just been bound. */
void presence_tell(const char *tenant, const char *netns, const struct listener *listener);

/* Somebody wants to know how tenants are: looks into those that were not looked into for longest,
 * for as long as a moment. Nobody looks in between: it costs nothing while nobody asks. */
void presence_look(struct supervisor *supervisor);

#endif
