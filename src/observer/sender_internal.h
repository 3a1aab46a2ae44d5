/* SPDX-License-Identifier: MIT */
/* Lines to a syslog server, each a datagram as nginx sends it (RFC 3164). */
#ifndef OBSERVER_SENDER_INTERNAL_H
#define OBSERVER_SENDER_INTERNAL_H

#include "base/address.h"
#include "ipc/body.h"

#include <time.h>

/* Embedded by its owner. */
struct sender {
    struct address server;
    uint32_t priority;
    char tag[33];       /* config/access_log.h */
    char hostname[256]; /* empty: it is not sent */
    int fd;             /* -1: not connected */
    time_t second;      /* of the head */
    char head[320];
    size_t head_len;
};

/* hostname: this machine's; not read any more afterwards. */
void sender_init(struct sender *sender, const struct ipc_log_place *place, const char *hostname);
void sender_free(struct sender *sender);

/* Sends it without its line feed. A server that has been replaced is connected to anew. Returns 0,
 * or an errno: EAGAIN when the server does not take it now; EMSGSIZE when the line is too long. */
int sender_send(struct sender *sender, struct slice line, time_t now);

#endif
