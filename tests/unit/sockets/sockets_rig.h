/* SPDX-License-Identifier: MIT */
/* Sockets whose owner writes down what it is told. */
#ifndef SOCKETS_SOCKETS_RIG_H
#define SOCKETS_SOCKETS_RIG_H

#include "sockets/sockets.h"

struct sockets_rig {
    struct loop loop;
    struct namespaces namespaces;
    struct residents residents;
    struct sockets sockets;
    char told[1024]; /* "bound a; closed a 127.0.0.1:80 1500; stale a /x 0; retried; " */
};

/* One per process; sockets_rig_close for .fini. */
extern struct sockets_rig sockets_rig;
void sockets_rig_open(void);
void sockets_rig_close(void);
/* What was told since the last time is just that. */
void sockets_rig_expect(const char *told);
/* Turns the loop until the condition of the listener, ten seconds at most. */
void sockets_rig_wait(const struct listener *listener, enum listener_state state);

/* A plan of listeners at these addresses of IPv4, "127.0.0.1:80", at most two, the second of which
 * may be NULL; netns: a path, NULL: the host's. */
struct plan sockets_rig_plan(const char *netns, const char *address, const char *other);
/* The same with servers there. */
struct plan sockets_rig_servers(const char *netns);
/* "127.0.0.1:PORT" with a port of this process alone (rig_port). */
const char *sockets_rig_address(char text[32]);

#endif
