/* SPDX-License-Identifier: MIT */
/* Who may say what to whom: the messages between the supervisor (S), workers (W), the resolver
 * (R) and the observer (O). Each is one SEQPACKET datagram; what does not fit, or is secret,
 * travels as a sealed memfd.
 */
#ifndef IPC_MESSAGE_H
#define IPC_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Another one with every change of the table or of a body: after an upgrade, channels of workers
 * that speak another version are only closed. */
#define IPC_VERSION 8

#define IPC_DESCRIPTORS_MAX 4 /* of one message, its blob not counted */

enum ipc_role {
    ROLE_SUPERVISOR = 1 << 0,
    ROLE_WORKER = 1 << 1,
    ROLE_RESOLVER = 1 << 2,
    ROLE_OBSERVER = 1 << 3
};

/* Every child. */
#define ROLE_CHILDREN (ROLE_WORKER | ROLE_RESOLVER | ROLE_OBSERVER)

/* The two ends of a channel, as one of them sees it. */
struct ipc_ends {
    enum ipc_role self;
    enum ipc_role peer;
};

/* X(NAME, from, to, descriptors, has a blob); the body is the struct of that name in ipc/body.h, or
 * the one that is named here */
#define IPC_MESSAGES(X)                                                                            \
    /* 0 or 1 log descriptor, then (workers) the memfds of the tally and of its figures */         \
    X(SETUP, ROLE_SUPERVISOR, ROLE_CHILDREN, 3, false)                                             \
    /* no body: a sealed memfd with the system's CA certificates (tls/tls.h) */                    \
    X(AUTHORITIES, ROLE_SUPERVISOR, ROLE_WORKER, 1, false)                                         \
    /* the log descriptor of SETUP, opened anew */                                                 \
    X(LOG, ROLE_SUPERVISOR, ROLE_CHILDREN, 1, false)                                               \
    /* ipc_serial; blob: an unexamined bundle (tenant/bundle.h), with the addresses that its host  \
       names had when they were last resolved */                                                   \
    X(EXAMINE, ROLE_SUPERVISOR, ROLE_RESOLVER, 0, true)                                            \
    /* blob: diags, then, if usable, the bundle's findings */                                      \
    X(EXAMINED, ROLE_RESOLVER, ROLE_SUPERVISOR, 0, true)                                           \
    /* blob: an examined bundle. New or in place of the last one of that name. With cells, the     \
       memfd that they are in */                                                                   \
    X(TENANT, ROLE_SUPERVISOR, ROLE_WORKER, 1, true)                                               \
    /* its listeners close, its connections drain */                                               \
    X(TENANT_REMOVE, ROLE_SUPERVISOR, ROLE_WORKER, 0, false)                                       \
    /* ipc_serial: a TENANT or TENANT_REMOVE is in force for every connection accepted from now,   \
       or a LISTENER was taken */                                                                  \
    X(COMMITTED, ROLE_WORKER, ROLE_SUPERVISOR, 0, false)                                           \
    /* ipc_serial: that TENANT or EXAMINE is what it works on from now, until it answers that or   \
       names another: what it dies of meanwhile is that tenant's */                                \
    X(WORKING, ROLE_WORKER | ROLE_RESOLVER, ROLE_SUPERVISOR, 0, false)                             \
    /* the listening socket */                                                                     \
    X(LISTENER, ROLE_SUPERVISOR, ROLE_WORKER, 1, false)                                            \
    /* that LISTENER could not be taken */                                                         \
    X(LACKED, ROLE_WORKER, ROLE_SUPERVISOR, 0, false)                                              \
    /* stop accepting there and close the descriptor; connections that came by it and are idle     \
       close now, others after their current exchange, and after that time in any case */          \
    X(LISTENER_CLOSE, ROLE_SUPERVISOR, ROLE_WORKER, 0, false)                                      \
    /* accept(2) can never work there again */                                                     \
    X(LISTENER_DEAD, ROLE_WORKER, ROLE_SUPERVISOR, 0, false)                                       \
    /* the child has dropped its privileges, has entered its sandbox, and its loop runs */         \
    X(READY, ROLE_CHILDREN, ROLE_SUPERVISOR, 0, false)                                             \
    /* accept no more, finish what runs, then end; after that time end anyway */                   \
    X(DRAIN, ROLE_SUPERVISOR, ROLE_WORKER, 0, false)                                               \
    /* ipc_serial: answer with PONG of the same number */                                          \
    X(PING, ROLE_SUPERVISOR, ROLE_CHILDREN, 0, false)                                              \
    X(PONG, ROLE_CHILDREN, ROLE_SUPERVISOR, 0, false)                                              \
    /* sockets for backends there are wanted */                                                    \
    X(SOCKETS_ASK, ROLE_WORKER, ROLE_SUPERVISOR, 0, false)                                         \
    /* unconnected TCP sockets, or why there are none */                                           \
    X(SOCKETS, ROLE_SUPERVISOR, ROLE_WORKER, IPC_DESCRIPTORS_MAX, false)                           \
    /* that namespace is gone: unused sockets and idle connections close now, others after that    \
       time */                                                                                     \
    X(SOCKETS_STALE, ROLE_SUPERVISOR, ROLE_WORKER, 0, false)                                       \
    /* ipc_container_name: say CONTAINER whenever its process changes, the first time at once */   \
    X(CONTAINER_FOLLOW, ROLE_SUPERVISOR, ROLE_RESOLVER, 0, false)                                  \
    X(CONTAINER_FORGET, ROLE_SUPERVISOR, ROLE_RESOLVER, 0, false)                                  \
    /* no body: a connection to the engine's socket is wanted */                                   \
    X(CONTAINER_CONNECT, ROLE_RESOLVER, ROLE_SUPERVISOR, 0, false)                                 \
    /* with no error, the connected socket */                                                      \
    X(CONTAINER_SOCKET, ROLE_SUPERVISOR, ROLE_RESOLVER, 1, false)                                  \
    X(CONTAINER, ROLE_RESOLVER, ROLE_SUPERVISOR, 0, false)                                         \
    /* a file of cells (metrics/file.h) to read in place of that source's before; with no          \
       descriptor, there is none. The board comes last */                                          \
    X(FIGURES, ROLE_SUPERVISOR, ROLE_OBSERVER, 1, false)                                           \
    /* a listening socket: answer there, in place of what was sent for that address before */      \
    X(OBSERVE, ROLE_SUPERVISOR, ROLE_OBSERVER, 1, false)                                           \
    /* ipc_observe without names: answer there no more */                                          \
    X(OBSERVE_CLOSE, ROLE_SUPERVISOR, ROLE_OBSERVER, 0, false)                                     \
    /* no body: the status is wanted */                                                            \
    X(STATUS_ASK, ROLE_OBSERVER, ROLE_SUPERVISOR, 0, false)                                        \
    /* with no error, the connection on which it comes (control/protocol.h) */                     \
    X(STATUS, ROLE_SUPERVISOR, ROLE_OBSERVER, 1, false)                                            \
    /* a ring (cells/ring.h), and the eventfd by which its writer wakes its reader. A worker       \
       writes there from now on; the observer reads it */                                          \
    X(RING, ROLE_SUPERVISOR, ROLE_WORKER | ROLE_OBSERVER, 2, false)                                \
    /* ipc_ring: its writer has ended: read it to its end, say RING_DONE, and let go of it */      \
    X(RING_END, ROLE_SUPERVISOR, ROLE_OBSERVER, 0, false)                                          \
    X(RING_DONE, ROLE_OBSERVER, ROLE_SUPERVISOR, 0, false)                                         \
    X(LINES_DROPPED, ROLE_OBSERVER, ROLE_SUPERVISOR, 0, false)                                     \
    /* a place that lines go to; with the file's descriptor, in place of the one that was sent     \
       before. A file that comes without one is yet to be opened */                                \
    X(DESTINATION, ROLE_SUPERVISOR, ROLE_OBSERVER, 1, false)                                       \
    /* no line will come for it any more */                                                        \
    X(DESTINATION_CLOSE, ROLE_SUPERVISOR, ROLE_OBSERVER, 0, false)

enum ipc_message {
    IPC_NONE,
#define X(name, from, to, descriptors, blob) IPC_##name,
    IPC_MESSAGES(X)
#undef X
        IPC_MESSAGE_COUNT_
};

/* "TENANT_REMOVE"; constant */
const char *ipc_message_name(enum ipc_message message);

/* Whether a process of role `from` may send it to one of role `to`. */
bool ipc_message_is_allowed(enum ipc_message message, enum ipc_role from, enum ipc_role to);

/* Most descriptors that go with it, its blob not counted. */
unsigned ipc_message_descriptors(enum ipc_message message);
/* Fewest of them. */
unsigned ipc_message_least_descriptors(enum ipc_message message);
bool ipc_message_has_blob(enum ipc_message message);

#endif
