/* SPDX-License-Identifier: MIT */
/* One client of the control socket: a line in, lines out, nothing that blocks. */
#ifndef CONTROL_CONTROL_INTERNAL_H
#define CONTROL_CONTROL_INTERNAL_H

#include "control/control.h"

#include "base/slice.h"
#include "io/deadline.h"
#include "io/pending.h"

#define CONTROL_REQUEST_MAX 64 /* bytes of the line that a client sends */

struct control_client {
    TAILQ_ENTRY(control_client) next;
    struct control *control;
    enum control_state state;
    bool is_within; /* see control_ask */
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
    struct hold hold; /* while it is in the midst of a conversation */
};

/* Owns fd, a non-blocking socket; greets. is_within: see control_ask. */
struct control_client *control_client_new(struct control *control, int fd, bool is_within);
/* Does as if that line had come; nothing more is read. */
void control_client_take(struct control_client *client, struct slice request);
void control_client_set_state(struct control_client *client, enum control_state state);
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

/* One line to each client that waits for that. */
void control_put_each(struct control *control, enum control_state state, const struct slice *fields,
                      size_t count);
#define control_say_each(control, state, ...)                                                      \
    control_put_each((control), (state), (const struct slice[]){__VA_ARGS__},                      \
                     sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice))

/* Does what the line asks. */
void control_run(struct control_client *client, struct slice request);
/* There is room for another client. */
void control_on_room(struct control *control);

/* As whoever knows only the main file finds us: socket is absolute. Does its best: without the
 * link, -s finds the socket by the main file's `pid`. */
void control_link_add(const char *config, const char *socket);
/* Unless it leads to another one by now. */
void control_link_remove(const char *config, const char *socket);

struct sockaddr_un;
/* A path of any length fits sun_path (unix(7)) by way of its folder's descriptor. Returns that, or
 * -1 with errno. */
int control_address(const char *path, struct sockaddr_un *address);

#endif
