/* SPDX-License-Identifier: MIT */
/* The bodies of messages: one struct each, which both ends use. Slices point into the message, or
 * into what the sender owns. */
#ifndef IPC_BODY_H
#define IPC_BODY_H

#include "base/address.h"
#include "cells/memory.h"
#include "ipc/cage.h"
#include "ipc/channel.h"

#include <sys/socket.h>

struct ipc_setup {
    uint32_t index;  /* of the worker in its generation, from 0 */
    uint32_t column; /* of the tally, its own */
    uint32_t log_level;
    uint8_t log_sink;
    struct cage_identity identity;
};

/* What is in force, as sandbox/sandbox.h has it. */
struct ipc_ready {
    uint8_t sandbox;
    uint8_t landlock;
};

struct ipc_log {
    uint32_t level;
    uint8_t sink;
};

/* EXAMINE, WORKING, COMMITTED; PING, PONG */
struct ipc_serial {
    uint64_t serial;
};

struct ipc_examined {
    uint64_t serial;
    bool usable;
    bool outdated;   /* a certificate is expired or not yet valid: must not replace a bundle that is
                        not */
    bool unresolved; /* host names have no address, which is all that is wrong; or, if usable, only
                        those that they had before */
};

struct ipc_tenant {
    uint64_t serial;
    struct slice name;
    uint32_t slot;    /* in the tally */
    uint64_t figures; /* its number on the board (metrics/file.h) */
    struct slice ticket_keys;
    struct slice cells; /* ipc_put_cells */
    struct slice logs;  /* uint32_t each: the numbers of its destinations of lines, in their order;
                           empty: nothing is logged */
};

struct ipc_tenant_remove {
    uint64_t serial;
    struct slice name;
    bool has_moved; /* other workers serve it, and no request may be lost */
};

struct ipc_listener {
    uint64_t serial;
    struct slice tenant;
    struct slice address; /* config_listen.text */
    uint64_t inode;       /* of its namespace; 0: the host's */
};

struct ipc_lacked {
    uint64_t serial;
    struct slice address;
    int error; /* errno */
};

struct ipc_listener_close {
    struct slice tenant;
    struct slice address;
    uint64_t inode;
    uint32_t limit; /* milliseconds; IPC_NO_LIMIT: another socket for that address follows */
};

struct ipc_listener_dead {
    struct slice tenant;
    struct slice address;
    int error; /* errno */
};

struct ipc_drain {
    uint32_t limit;  /* milliseconds */
    bool when_alone; /* not now, but when the channel closes */
};

struct ipc_sockets_ask {
    struct slice tenant;
    struct slice netns; /* config text */
    sa_family_t family; /* AF_INET, AF_INET6 */
};

struct ipc_sockets {
    struct slice tenant;
    struct slice netns;
    sa_family_t family;
    int error; /* errno; 0: none */
};

struct ipc_sockets_stale {
    struct slice tenant;
    struct slice netns;
    uint32_t limit; /* milliseconds */
};

/* CONTAINER_FOLLOW, CONTAINER_FORGET */
struct ipc_container_name {
    struct slice name;
};

struct ipc_container_socket {
    int error; /* errno; 0: none */
    struct slice path;
};

struct ipc_container {
    struct slice name;
    uint32_t pid;         /* 0: it does not run */
    struct slice sandbox; /* its path, or empty */
    struct slice reason;  /* why there is neither */
};

struct ipc_figures {
    uint32_t source; /* metrics/reader.h */
};

/* OBSERVE, OBSERVE_CLOSE */
struct ipc_observe {
    struct slice address; /* config_observe.text */
    struct slice names;   /* of hosts, each behind a space */
};

/* STATUS */
struct ipc_status {
    int error; /* errno; 0: none */
};

/* RING, RING_END, RING_DONE */
struct ipc_ring {
    uint32_t number;
};

/* Where lines of access logs go. */
struct ipc_log_place {
    uint8_t kind;          /* enum config_log_kind */
    struct slice identity; /* config_log_destination.identity */
    struct address server; /* of syslog, and the rest too */
    uint32_t priority;
    struct slice tag;
    bool has_hostname;
};

struct ipc_destination {
    uint32_t number;
    struct ipc_log_place place;
};

/* LINES_DROPPED */
struct ipc_dropped {
    uint32_t count; /* of access logs, since the last one */
};

struct ipc_destination_close {
    uint32_t number;
};

/* X(the struct's name) */
#define IPC_BODIES(X)                                                                              \
    X(setup)                                                                                       \
    X(ready)                                                                                       \
    X(log)                                                                                         \
    X(serial)                                                                                      \
    X(examined)                                                                                    \
    X(tenant)                                                                                      \
    X(tenant_remove)                                                                               \
    X(listener)                                                                                    \
    X(lacked)                                                                                      \
    X(listener_close)                                                                              \
    X(listener_dead)                                                                               \
    X(drain)                                                                                       \
    X(sockets_ask)                                                                                 \
    X(sockets)                                                                                     \
    X(sockets_stale)                                                                               \
    X(container_name)                                                                              \
    X(container_socket)                                                                            \
    X(container)                                                                                   \
    X(figures)                                                                                     \
    X(observe)                                                                                     \
    X(status)                                                                                      \
    X(ring)                                                                                        \
    X(dropped)                                                                                     \
    X(destination)                                                                                 \
    X(destination_close)

/* For each body: ipc_put_NAME; ipc_get_NAME, which returns 0, or ERROR_IPC when the bytes are not
 * exactly one; and ipc_send_NAME, which puts it and sends it (ipc_send). */
#define X(name)                                                                                    \
    void ipc_put_##name(struct wire_writer *writer, const struct ipc_##name *body);                \
    int ipc_get_##name(struct wire_reader *reader, struct ipc_##name *body);                       \
    void ipc_send_##name(struct ipc_channel *channel, enum ipc_message message,                    \
                         const struct ipc_##name *body,                                            \
                         const struct ipc_attachments *attachments);
IPC_BODIES(X)
#undef X

/* Of SETUP, and of what one supervisor leaves to the next. */
void ipc_put_identity(struct wire_writer *writer, struct cage_identity identity);
void ipc_get_identity(struct wire_reader *reader, struct cage_identity *identity);

/* A tenant's shared memory but for its descriptor: of TENANT, and of what one supervisor leaves to
 * the next. */
void ipc_put_cells(struct wire_writer *writer, const struct cells *cells);
/* Into an empty one, which is the caller's to free. The reader tells whether it has failed. */
void ipc_get_cells(struct wire_reader *reader, struct cells *cells);

/* Of DESTINATION, and of what one supervisor leaves to the next. The reader tells whether it has
 * failed. */
void ipc_put_log_place(struct wire_writer *writer, struct ipc_log_place place);
void ipc_get_log_place(struct wire_reader *reader, struct ipc_log_place *place);

/* The serial with which the bodies of WORKING and EXAMINED begin. */
uint64_t ipc_serial_of(const struct ipc_announced *announced);

/* A limit in milliseconds that stands for none. */
#define IPC_NO_LIMIT UINT32_MAX

/* Seconds as a message has them, and back: INFINITY for IPC_NO_LIMIT. */
uint32_t ipc_milliseconds(double seconds);
double ipc_seconds(uint32_t milliseconds);

/* ---- what every child does with them ---- */

/* Answers a PING. Returns 0 or ERROR_IPC. */
int ipc_answer_ping(struct ipc_channel *channel, struct ipc_received *received);

/* Puts the log that SETUP names in force, with the message's first descriptor if there is one left;
 * *fd is the one of before, -1 for none, and becomes the new one. Returns 0, or ERROR_IPC with
 * nothing changed. */
int ipc_set_log(struct ipc_received *received, const struct ipc_log *log, int *fd);
/* The same for a LOG. */
int ipc_take_log(struct ipc_received *received, int *fd);

#endif
