/* SPDX-License-Identifier: MIT */
/* One descriptor that tells when namespaces may have come or gone: mounts, and the folders of
 * their paths. A hint, not a proof: whoever is woken looks, and looks now and then anyway. */
#ifndef NETNS_WATCH_H
#define NETNS_WATCH_H

struct netns_watch;

/* NULL when the kernel gives none, with errno. */
struct netns_watch *netns_watch_new(void);
void netns_watch_free(struct netns_watch *watch);

/* Readable when there is something to take. */
int netns_watch_fd(const struct netns_watch *watch);

/* Minds the folder of the absolute path; while there is none, its nearest existing parent. Paths
 * of one folder share it; each add has its remove. */
void netns_watch_add(struct netns_watch *watch, const char *path);
void netns_watch_remove(struct netns_watch *watch, const char *path);

/* Takes what has been told, to be called whenever it is readable, and follows folders that have
 * come, gone or been replaced. That the descriptor was readable is all that there is to know:
 * a mount's wake-up is spent by being polled for. */
void netns_watch_take(struct netns_watch *watch);

#endif
