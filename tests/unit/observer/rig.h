/* SPDX-License-Identifier: MIT */
/* A server on a Unix socket, and clients of it in the same loop. */
#ifndef UNIT_OBSERVER_RIG_H
#define UNIT_OBSERVER_RIG_H

#include "observer/server_internal.h"

struct rig {
    struct loop loop;
    struct server server;
    struct sockaddr_un address;
    unsigned asked; /* for the status */
    char said[8192];
    size_t len;
};

/* names: as OBSERVE has them; NULL: as at a Unix socket. */
void rig_open(struct rig *rig, const char *names);
void rig_close(struct rig *rig);

int rig_connect(const struct rig *rig);
void rig_send(int fd, const char *text);
/* Turns the loop until what has come there contains the text. */
void rig_hear(struct rig *rig, int fd, const char *text);
/* The same, until the other end closes; closes it too. */
void rig_end(struct rig *rig, int fd);
void rig_turn(struct rig *rig);
/* Gives the status what it has asked for: lines, or NULL for none. */
void rig_tell(struct rig *rig, const char *lines);

#endif
