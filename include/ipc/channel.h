/* SPDX-License-Identifier: MIT */
/* One end of a SOCK_SEQPACKET pair between two processes. Sending never blocks: what the socket
 * does not take waits in a queue that costs memory and no descriptor (memfds are made when sent).
 */
#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H

#include "base/error.h"
#include "io/loop.h"
#include "ipc/cage.h"
#include "ipc/message.h"
#include "ipc/wire.h"

#define IPC_BODY_MAX 16384 /* bytes of one message's body */

struct ipc_channel;

/* A message as it came. Slices and descriptors are valid during the callback; a descriptor that
 * the receiver keeps is set to -1 by it, the others are closed. The blob's mapping is read-only,
 * sealed, and goes after the callback too. */
struct ipc_received {
    enum ipc_message message;
    struct wire_reader body;
    struct slice blob;
    int descriptors[IPC_DESCRIPTORS_MAX];
    unsigned descriptor_count;
    bool is_short; /* its descriptors are lost: this process had no room for them */
};

struct ipc_events {
    /* Returns 0, or an error that says the message is malformed: the channel then fails. */
    int (*on_message)(void *owner, struct ipc_received *received);
    /* The other end is gone, or broke the rules (reason tells). Called once; free it then. */
    void (*on_gone)(void *owner, const char *reason);
    /* A message brings more descriptors than this process has left, by so many at most: closes what
     * it can spare. NULL: nothing is. What does not fit then is lost: is_short tells. A blob always
     * fits. */
    void (*on_short)(void *owner, unsigned most);
};

/* A message that has come, before anything of it is mapped. */
struct ipc_announced {
    enum ipc_message message;
    struct wire_reader body;
    size_t blob_len;
};

enum ipc_admission {
    IPC_ADMITTED,
    IPC_DROPPED, /* as if it had not come */
    IPC_REFUSED  /* the channel fails */
};

/* The reason when the other end only closed. */
#define IPC_REASON_CLOSED "the other end closed the channel"
/* The reason when its message was refused: the message's name follows. */
#define IPC_REASON_REFUSED "refused message"

/* A pair of sockets (socketpair(2)); the second is for a child. 0, or -1 with errno. */
int ipc_pair(int sockets[2]);

/* Owns fd. self, peer: what the message table is checked against, in both directions. */
struct ipc_channel *ipc_channel_new(struct loop *loop, int fd, enum ipc_role self,
                                    enum ipc_role peer, const struct ipc_events *events,
                                    void *owner);
/* Asks the owner about each message before its blob is mapped and on_message is called. */
void ipc_channel_set_admit(struct ipc_channel *channel,
                           enum ipc_admission (*admit)(void *owner,
                                                       const struct ipc_announced *announced));
/* Drops what is queued. May be called in a callback. */
void ipc_channel_free(struct ipc_channel *channel);

/* Bytes shared by several queued messages and their keeper; counted; wiped at the last unref. */
struct ipc_blob;
struct ipc_blob *ipc_blob_new(struct slice bytes); /* copies */
struct ipc_blob *ipc_blob_ref(struct ipc_blob *blob);
void ipc_blob_unref(struct ipc_blob *blob);
struct slice ipc_blob_bytes(const struct ipc_blob *blob);

/* The other end has died: takes what it had sent before, until its end is found. on_gone does not
 * come from here. */
void ipc_channel_take_rest(struct ipc_channel *channel);

/* Sends, or queues. body may be NULL for none; it is copied. Descriptors are duplicated only when
 * the message must wait. blob is referenced. A message that the table forbids is a programming
 * error (assert). */
void ipc_send(struct ipc_channel *channel, enum ipc_message message, const struct wire_writer *body,
              const int *descriptors, unsigned descriptor_count, struct ipc_blob *blob);

/* The socket, which stays the channel's: for who goes on with it after an execve(2). */
int ipc_channel_descriptor(const struct ipc_channel *channel);

/* Messages that wait for the socket. */
unsigned ipc_channel_queued(const struct ipc_channel *channel);
/* Descriptors that they keep open here, not counting blobs. */
unsigned ipc_channel_queued_descriptors(const struct ipc_channel *channel);

/* ---- bodies that more than one process builds or reads ---- */

struct ipc_setup {
    uint32_t index;  /* of the worker in its generation, from 0 */
    uint32_t column; /* of the tally, its own */
    uint32_t log_level;
    uint8_t log_sink;
    struct cage_identity identity;
};

void ipc_put_setup(struct wire_writer *writer, const struct ipc_setup *setup);
int ipc_get_setup(struct wire_reader *reader, struct ipc_setup *setup);

/* A child says what it works on. */
void ipc_say_working(struct ipc_channel *channel, uint64_t serial);

/* A child answers a PING. Returns 0 or ERROR_IPC. */
int ipc_answer_ping(struct ipc_channel *channel, struct ipc_received *received);

/* A child puts the log that SETUP names in force, with the message's first descriptor if there is
 * one left; *fd is the one of before, -1 for none, and becomes the new one. Returns 0, or ERROR_IPC
 * with nothing changed. */
int ipc_set_log(struct ipc_received *received, uint32_t level, uint8_t sink, int *fd);
/* The same for a LOG. */
int ipc_take_log(struct ipc_received *received, int *fd);

#endif
