/* SPDX-License-Identifier: MIT */
/* Namespaces of containers: the resolver asks the container engine for their processes. */
#ifndef SUPERVISOR_NAMESPACE_CONTAINERS_INTERNAL_H
#define SUPERVISOR_NAMESPACE_CONTAINERS_INTERNAL_H

#include "ipc/channel.h"

struct supervisor;
struct namespace;

/* A namespace of kind NETNS_CONTAINER exists from now on, or no longer. */
void namespace_containers_follow(struct namespace *namespace);
void namespace_containers_forget(struct namespace *namespace);

/* A new resolver runs: it is told of all. */
void namespace_containers_on_start(struct supervisor *supervisor);

/* The engine's socket is another one now: all are asked for there. */
void namespace_containers_renew(struct supervisor *supervisor);

/* CONTAINER or CONTAINER_CONNECT of the resolver. Returns 0 or ERROR_IPC. */
int namespace_containers_on_message(struct supervisor *supervisor, struct ipc_received *received);

#endif
