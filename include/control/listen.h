/* SPDX-License-Identifier: MIT */
/* Listening Unix sockets with a name in the file system: the control socket, and the observer's. */
#ifndef CONTROL_LISTEN_H
#define CONTROL_LISTEN_H

#include <sys/types.h>

struct listen_options {
    mode_t mask; /* of its mode: who may not connect */
    int backlog;
};

/* Which file a name led to when it was ours. */
struct listen_name {
    dev_t device;
    ino_t inode;
};

/* A socket, non-blocking and close-on-exec, that listens at path. It listens and has its mode
 * before it gets its name. A socket there that nobody listens on is stale and replaced. Returns it,
 * or -1 with errno: EADDRINUSE, somebody listens there; EEXIST, it is no socket. *name may be NULL.
 */
int listen_local(const char *path, const struct listen_options *options, struct listen_name *name);

/* Removes what lies at path, if it is a socket, and that one (NULL: any). errno stays. */
void listen_name_remove(const char *path, const struct listen_name *name);

#endif
