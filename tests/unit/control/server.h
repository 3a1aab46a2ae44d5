/* SPDX-License-Identifier: MIT */
/* A control socket in a folder of its own, served by the test itself while it talks to it. */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include "control/control.h"

struct server {
    struct loop loop;
    struct control control;
    char folder[64];
    char pid_file[96]; /* is not made */
    char path[96];     /* of the socket */
    char said[4096];   /* what server_hear has heard last */
    unsigned runs;     /* of requests */
};

/* Its requests: "reload", "reopen", "status" and "upgrade", each of which waits; "never" is
 * refused, because of "a reason". */
void server_open(struct server *server);
void server_close(struct server *server);

/* Connects, and sends the request. */
int server_ask(struct server *server, const char *request);
/* Serves for one turn. */
void server_turn(struct server *server);
/* Serves until the client has heard that text (NULL: until its connection is closed). */
void server_hear(struct server *server, int fd, const char *text);
/* The same until the connection is closed, and closes. */
void server_end(struct server *server, int fd);
/* Whether that is in what was heard last. */
bool server_said(const struct server *server, const char *text);

#endif
