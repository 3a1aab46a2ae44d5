/* SPDX-License-Identifier: MIT */
/* A small server of HTTP/1.1: it answers GET and HEAD, has few clients at a time, and waits for
 * none of them for long. */
#ifndef OBSERVER_SERVER_INTERNAL_H
#define OBSERVER_SERVER_INTERNAL_H

#include "pages_internal.h"

#include "h1/read.h"

#include <sys/queue.h>

#define SERVER_CLIENTS 64 /* at a time; further ones wait in the backlog */
/* Bytes of statuses and looks that slow clients may keep when there are later ones: of more, who
 * has been reading for longest is cut. */
#define SERVER_KEPT (64u << 20)

struct client;
struct server;

/* Where it answers. */
struct server_place {
    TAILQ_ENTRY(server_place) next;
    struct server *server;
    char *address; /* config_observe.text */
    char *names;   /* of hosts, each behind a space */
    bool is_local; /* a Unix socket: no browser comes there */
    int fd;
    ev_io accept;
};

/* Embedded by its owner. */
struct server {
    struct loop *loop;
    struct status status;
    struct looks looks;
    char piece[METRICS_PIECE]; /* of an answer that is made while it is written */
    TAILQ_HEAD(, server_place) places;
    TAILQ_HEAD(clients, client) clients; /* who has been idle for longest comes first */
    unsigned count;                      /* of them */
    struct deadline again;               /* to accept, after a failure */
};

/* ask: see struct status. */
void server_init(struct server *server, struct loop *loop, void (*ask)(void *owner), void *owner);
void server_free(struct server *server);

/* Answers at that listening socket, which is ours from now on, in place of the one of that address.
 */
void server_open(struct server *server, int fd, struct slice address, struct slice names);
/* Answers there no more; who is connected stays so until its answer is sent. */
void server_close(struct server *server, struct slice address);

/* ---- client.c ---- */

enum client_state {
    CLIENT_READING, /* a head */
    CLIENT_WAITING, /* for the status that its page needs */
    CLIENT_WRITING, /* an answer */
    CLIENT_ENDING   /* all is written, and the other end is yet to close */
};

struct client {
    TAILQ_ENTRY(client) next;
    struct server *server;
    struct stream *stream;
    enum client_state state;
    char *names; /* of its place; NULL: any Host will do */
    struct deadline limit;
    struct loop_task grave;
    struct chain in;
    struct arena arena;
    struct h1_head_reader head;
    bool is_kept; /* the connection, behind this answer */
    enum http_version version;
    enum http_method method;
    enum h1_framing framing; /* of the answer */
    const struct page *page;
    struct feed_request asked; /* in the arena */
    struct text *text;         /* that is being written, */
    size_t written;            /* of it */
    struct feed *feed;         /* or that it is made of; NULL: one of them */
    double since;              /* loop_now() when it began */
};

/* Owns fd. */
void client_new(struct server *server, int fd, const struct server_place *place);
void client_close(struct client *client);
/* Nothing of a request has come. */
bool client_is_idle(const struct client *client);
/* Bytes of its answer that are there for it alone, or its share of what several keep. */
size_t client_keeps(const struct client *client);
/* The status that it waits for is there. */
void client_go_on(struct client *client);

/* Whoever keeps too much is cut. */
void server_cut_behind(struct server *server);

/* A client has gone or become idle: there is room for another. */
void server_on_room(struct server *server);

#endif
