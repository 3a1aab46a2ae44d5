/* SPDX-License-Identifier: MIT */
/* A control socket in a folder of its own, served by the test itself while it talks to it. */
#ifndef CONTROL_RIG_H
#define CONTROL_RIG_H

#include "control/control.h"

struct rig {
    struct loop loop;
    struct control control;
    char folder[64];
    char pid_file[96]; /* is not made */
    char path[96];     /* of the socket */
    char said[4096];   /* what rig_hear has heard last */
    unsigned runs;     /* of requests */
};

/* Its requests: "reload", "reopen", "status" and "upgrade", each of which waits; "never" is
 * refused, because of "a reason". */
void rig_open(struct rig *rig);
void rig_close(struct rig *rig);

/* Connects, and sends the request. */
int rig_ask(struct rig *rig, const char *request);
/* Serves for one turn. */
void rig_turn(struct rig *rig);
/* Serves until the client has heard that text (NULL: until its connection is closed). */
void rig_hear(struct rig *rig, int fd, const char *text);
/* The same until the connection is closed, and closes. */
void rig_end(struct rig *rig, int fd);
/* Whether that is in what was heard last. */
bool rig_said(const struct rig *rig, const char *text);

#endif
