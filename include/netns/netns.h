/* SPDX-License-Identifier: MIT */
/* Network namespaces: open, check, enter, act, return or die. Only the supervisor uses this. */
#ifndef NETNS_NETNS_H
#define NETNS_NETNS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Tells namespaces apart, but only while a socket of ours keeps the namespace alive: the kernel
 * uses inode numbers again at once. All zero: none. */
struct netns_id {
    dev_t device;
    ino_t inode;
};

static inline bool netns_id_equal(struct netns_id a, struct netns_id b)
{
    return a.device == b.device && a.inode == b.inode;
}

/* The namespace in which the process started and to which it always returns. One per process. */
struct netns_home;

/* Opens /proc/self/ns/net. NULL when that fails, with errno. */
struct netns_home *netns_home_open(void);
void netns_home_close(struct netns_home *home);
struct netns_id netns_home_id(const struct netns_home *home);

enum netns_verdict {
    NETNS_OPEN_OK,
    NETNS_OPEN_ABSENT, /* no such file, a dead pid, the placeholder of `ip netns add`; or we are
                        * short of descriptors: it may come by itself */
    NETNS_OPEN_REFUSED /* not a network namespace, the host's own, a stranger's, no permission */
};

/* Opens the namespace at path without following it anywhere harmful: O_PATH first, then fstatfs(2)
 * (NSFS_MAGIC), then NS_GET_NSTYPE of ioctl_ns(2), so that a FIFO, a device or another kind of
 * namespace is refused before it is opened for reading. The host's own namespace is refused: it
 * is asked for by name. So is one that a user namespace other than ours owns (NS_GET_USERNS).
 * On OK *fd is the caller's, close-on-exec, and *id is filled; otherwise *why has the reason, in a
 * buffer of at least 160 bytes. */
enum netns_verdict netns_open(const struct netns_home *home, const char *path, int *fd,
                              struct netns_id *id, char why[160]);

/* What the path leads to now, be it a namespace or not; nothing, or nothing that we may look at:
 * zero. One stat(2). Returns 0, or -1 when it cannot be told for want of memory. */
int netns_look(const char *path, struct netns_id *id);

/* Calls act(argument) inside the namespace of fd and returns its result; ERROR_NETNS when the
 * namespace could not be entered (errno tells). If the way back fails, the process ends itself:
 * it must never run in a tenant's namespace. act must not block, log or fork. */
int netns_within(const struct netns_home *home, int fd, int (*act)(void *argument), void *argument);

#endif
