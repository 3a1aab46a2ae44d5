/* SPDX-License-Identifier: MIT */
/* Sockets for servers in a network namespace. A worker cannot enter one: whoever can makes sockets
 * there, which wait here, unconnected, for the connections to come; and what is connected there
 * must end when the namespace goes, since a socket keeps it alive. */
#ifndef BACKEND_STOCK_INTERNAL_H
#define BACKEND_STOCK_INTERNAL_H

#include "group_internal.h"

#include "io/deadline.h"

#define STOCK_MOST 8 /* sockets that wait */
#define STOCK_LOW  4 /* below it, more are asked for */

/* Somebody who needs a socket. Embedded by its owner, zeroed at first. */
struct stock_wait {
    TAILQ_ENTRY(stock_wait) next;
    struct backend_stock *stock; /* NULL: it does not wait */
    /* A socket, which is the owner's now; or -1 and the errno for which there is none. Never
     * before stock_wait returns. */
    void (*on_socket)(struct stock_wait *wait, int fd, int error);
};

/* Of one tenant, for one namespace and family. */
struct backend_stock {
    UT_hash_handle hh; /* by key */
    struct backends *backends;
    struct slice tenant;
    struct slice netns; /* config_netns.text */
    sa_family_t family;
    unsigned references; /* endpoints */
    unsigned users;      /* of them, those that are in force */
    int sockets[STOCK_MOST];
    unsigned count;
    bool is_asked;   /* an answer is due */
    int error;       /* errno of the last answer; 0: it brought sockets */
    double error_at; /* loop_now() of it */
    TAILQ_HEAD(, stock_wait) waiting;
    struct backend_connections present; /* connections there */
    struct backend_connections stale;   /* those that were there before it went */
    struct deadline again;              /* asks once more */
    double pause;                       /* seconds before that the last time; 0: none is due */
    struct deadline idle;               /* nobody takes any */
    struct deadline cut;                /* of the stale */
    struct loop_task serve;
    size_t key_len;
    char key[];
};

/* The tenant's stock for an endpoint of that address family in that namespace, found or made. One
 * reference, and one use, for each call. */
struct backend_stock *stock_enter(struct backends *backends, struct slice tenant,
                                  struct slice netns, sa_family_t family);

/* The endpoint is in force no more: the last one takes the waiting sockets along. NULL is ignored,
 * as below. */
void stock_retire(struct backend_stock *stock);
/* The endpoint's reference goes; nothing of it may wait or be connected. */
void stock_leave(struct backend_stock *stock);

/* A socket, which is the caller's; -1 when none is there now. */
int stock_take(struct backend_stock *stock);

/* wait->on_socket follows, unless stock_forget comes first. */
void stock_wait(struct backend_stock *stock, struct stock_wait *wait);
void stock_forget(struct stock_wait *wait);

/* The connection has got a socket of its endpoint's stock, and ends. Nothing for other endpoints,
 * and at the end nothing for one that has never got any. */
void stock_join(struct backend_connection *connection);
void stock_part(struct backend_connection *connection);

/* Closes the connection's stream; with flush what is queued leaves before. One in a namespace must
 * not keep that alive behind us: a peer that no longer answers is waited for only shortly, and
 * when the namespace is gone it hears a reset. */
void stock_close_stream(const struct backend_connection *connection, struct stream *stream,
                        bool flush);

#endif
