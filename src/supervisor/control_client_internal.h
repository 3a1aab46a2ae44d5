/* SPDX-License-Identifier: MIT */
/* One connection to the control socket: a line in, lines out, nothing that blocks. */
#ifndef SUPERVISOR_CONTROL_CLIENT_INTERNAL_H
#define SUPERVISOR_CONTROL_CLIENT_INTERNAL_H

#include "base/slice.h"
#include "io/deadline.h"

struct supervisor;

#define CONTROL_REQUEST_MAX 64 /* bytes of the line that a client sends */

enum control_state {
    CONTROL_READING,   /* its request */
    CONTROL_WAITING,   /* for a reload to begin */
    CONTROL_WATCHING,  /* the round that runs */
    CONTROL_REOPENING, /* for log files */
    CONTROL_UPGRADING, /* for what becomes of the new binary */
    CONTROL_COUNTING,  /* for the workers' figures */
    CONTROL_ENDING     /* everything is said, and perhaps not yet sent */
};

struct control_client {
    TAILQ_ENTRY(control_client) next;
    struct supervisor *supervisor;
    enum control_state state;
    int fd;
    ev_io reader;
    ev_io writer;
    struct deadline limit; /* on the request, on what is read of the answer, and for looks at it */
    struct loop_task grave;
    char request[CONTROL_REQUEST_MAX];
    size_t request_len;
    char *out; /* what is not yet sent starts at `sent` */
    size_t out_len;
    size_t out_capacity;
    size_t sent;
};

/* Owns fd, a non-blocking socket; greets. */
void control_client_new(struct supervisor *supervisor, int fd);
/* Frees it at the turn's end. */
void control_client_close(struct control_client *client);

/* One line. A client that does not read while its answer grows beyond all measure is closed, but
 * never from here. */
void control_put(struct control_client *client, const struct slice *fields, size_t count);
#define control_say(client, ...)                                                                   \
    control_put((client), (const struct slice[]){__VA_ARGS__},                                     \
                sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice))

/* The last line; the connection closes when all is sent. */
void control_end(struct control_client *client, int status);

/* control.c: does what the line asks. */
void control_run(struct control_client *client, struct slice request);
/* control_socket.c: there is room for another. */
void control_on_room(struct supervisor *supervisor);

#endif
