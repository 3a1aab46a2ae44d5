/* SPDX-License-Identifier: MIT */
/* Telling the service manager how it stands with us: the protocol of sd_notify(3). */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include "io/loop.h"

#include <sys/socket.h>
#include <sys/un.h>

#define NOTIFY_TEXT 512 /* bytes of a message, its end included */

enum notify_state {
    NOTIFY_OFF, /* nobody wants to hear */
    NOTIFY_STARTING,
    NOTIFY_READY,
    NOTIFY_RELOADING,
    NOTIFY_STOPPING
};

/* Embedded by the supervisor. A message is one datagram and is never waited with; one that finds
 * the manager's queue full is sent again later, unless another has taken its place. */
struct notify {
    struct loop *loop;
    enum notify_state state;
    int fd; /* -1: none */
    struct sockaddr_un address;
    socklen_t address_len;
    bool has_failed;       /* that has been told */
    ev_timer tick;         /* while we start, and while a message is due */
    ev_timer beat;         /* of the watchdog */
    char due[NOTIFY_TEXT]; /* could not be sent yet; empty: nothing */
};

void notify_init(struct notify *notify, struct loop *loop);
void notify_free(struct notify *notify);

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID of the environment, which stay there for the
 * next binary in this process. We are starting, for as long as it takes: whatever a start waits
 * for has limits of its own. Without NOTIFY_SOCKET, all this does nothing. */
void notify_start(struct notify *notify);

/* We serve: after the start, and after every reload, also a refused one. status: one line for
 * people. */
void notify_ready(struct notify *notify, const char *status);
void notify_reloading(struct notify *notify);
/* We end, within that many seconds. */
void notify_stopping(struct notify *notify, double seconds);

#endif
