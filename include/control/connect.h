/* SPDX-License-Identifier: MIT */
/* A client's way to the control socket: beside the pid file, or by a link in /run/nsgate. The link
 * is named by the main file's path, whatever stands in that file by now; only root's are made. */
#ifndef CONTROL_CONNECT_H
#define CONTROL_CONNECT_H

/* The socket's path for a pid file's; the caller frees it. */
char *control_path(const char *pid_file);

/* A connection to the socket at path, which gives up after 5 s; or -1 with errno. kind: 0, or
 * SOCK_NONBLOCK to wait for nobody. */
int control_reach(const char *path, int kind);

/* The path that the link for a main file leads to, for the caller to free; NULL: there is no link.
 * There may be nobody at that path. */
char *control_link_find(const char *config);

#endif
