/* SPDX-License-Identifier: MIT */
/* Sockets for servers in a network namespace. A worker cannot enter one: whoever can makes sockets
 * there, which wait here, unconnected, for the connections to come; and what is connected there
 * must end when the namespace goes, since a socket keeps it alive. */
#ifndef BACKEND_NETNS_INTERNAL_H
#define BACKEND_NETNS_INTERNAL_H

#include "group_internal.h"

#include "backend/sockets.h"
#include "io/deadline.h"

#define NETNS_MOST 8 /* sockets that wait */
#define NETNS_LOW  4 /* below it, more are asked for */

/* Somebody who needs a socket. Embedded by its owner, zeroed at first. */
struct backend_netns_wait {
    TAILQ_ENTRY(backend_netns_wait) next;
    struct backend_netns *netns; /* NULL: it does not wait */
    /* A socket, which is the owner's now; or -1 and the errno for which there is none. Never
     * before backend_netns_wait returns. */
    void (*on_socket)(struct backend_netns_wait *wait, int fd, int error);
};

/* One tenant's namespace, for one family of addresses. */
struct backend_netns {
    UT_hash_handle hh; /* by id */
    struct backends *backends;
    struct slice tenant;
    struct slice name; /* config_netns.text */
    sa_family_t family;
    unsigned references; /* endpoints */
    unsigned users;      /* of them, those that are in force */
    int sockets[NETNS_MOST];
    unsigned count;
    bool is_asked;   /* an answer is due */
    int error;       /* errno of the last answer; 0: it brought sockets */
    double error_at; /* loop_now() of it */
    TAILQ_HEAD(, backend_netns_wait) waiting;
    struct backend_connections present; /* connections there */
    struct backend_connections stale;   /* those that were there before it went */
    struct deadline again;              /* asks once more */
    double pause;                       /* seconds before that the last time; 0: none is due */
    struct deadline idle;               /* nobody takes any */
    struct deadline cut;                /* of the stale */
    struct loop_task serve;
    size_t id_len;
    char id[];
};

/* The namespace as endpoints of that tenant and family use it, found or made. One reference, and
 * one use, for each call. */
struct backend_netns *backend_netns_ref(struct backends *backends,
                                        const struct backend_netns_key *key);

/* The endpoint is in force no more: the last one takes the waiting sockets along. NULL is ignored,
 * as below. */
void backend_netns_retire(struct backend_netns *netns);
/* The endpoint's reference goes; nothing of it may wait or be connected. */
void backend_netns_unref(struct backend_netns *netns);

/* A socket, which is the caller's; -1 when none is there now. */
int backend_netns_take(struct backend_netns *netns);

/* wait->on_socket follows, unless backend_netns_cancel comes first. */
void backend_netns_wait(struct backend_netns *netns, struct backend_netns_wait *wait);
void backend_netns_cancel(struct backend_netns_wait *wait);

/* The connection has got a socket of its endpoint's namespace, and ends. Nothing for other
 * endpoints, and at the end nothing for one that has never got any. */
void backend_netns_join(struct backend_connection *connection);
void backend_netns_part(struct backend_connection *connection);

/* Closes the connection's stream; with flush what is queued leaves before. One in a namespace must
 * not keep that alive behind us: a peer that no longer answers is waited for only shortly, and
 * when the namespace is gone it hears a reset. */
void backend_netns_close_stream(const struct backend_connection *connection, struct stream *stream,
                                bool flush);

#endif
