/* SPDX-License-Identifier: MIT */
/* Namespaces of containers: the resolver asks the container engine for their processes. */
#ifndef NAMESPACES_CONTAINERS_H
#define NAMESPACES_CONTAINERS_H

#include "ipc/channel.h"
#include "namespaces/namespaces.h"

/* A new resolver runs: it is told of all. */
void namespace_containers_on_resolver(struct namespaces *namespaces);

/* The engine's socket, an absolute path (copied); empty: where engines usually have it. If it is
 * another one than before, all are asked for there. */
void namespace_containers_set_engine(struct namespaces *namespaces, struct slice path);

/* CONTAINER or CONTAINER_CONNECT of the resolver. Returns 0 or ERROR_IPC. */
int namespace_containers_on_message(struct namespaces *namespaces, struct ipc_received *received);

#endif
