/* SPDX-License-Identifier: MIT */
/* One end of a SOCK_SEQPACKET pair between two processes. Sending never blocks: what the socket
 * does not take waits in a queue that costs memory and no descriptor (memfds are made when sent).
 */
#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H

#include "base/error.h"
#include "io/loop.h"
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
    /* So many messages wait for the socket now. NULL: nobody wants to know. */
    void (*on_queue)(void *owner, unsigned queued);
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

/* Owns fd. ends: what the message table is checked against, in both directions. */
struct ipc_channel *ipc_channel_new(struct loop *loop, int fd, struct ipc_ends ends,
                                    const struct ipc_events *events, void *owner);
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

/* What goes with a message besides its body. Descriptors are duplicated only when the message must
 * wait; the blob is referenced. */
struct ipc_attachments {
    const int *descriptors;
    unsigned descriptor_count;
    struct ipc_blob *blob;
};

/* Sends, or queues; ipc/body.h sends a message of the table with its body. body, attachments: NULL
 * for none; what they have is copied. A message that the table forbids is a programming error
 * (assert). */
void ipc_send(struct ipc_channel *channel, enum ipc_message message, const struct wire_writer *body,
              const struct ipc_attachments *attachments);

/* The socket, which stays the channel's: for who goes on with it after an execve(2). */
int ipc_channel_descriptor(const struct ipc_channel *channel);

/* Messages that wait for the socket. */
unsigned ipc_channel_queued(const struct ipc_channel *channel);
/* Descriptors that they keep open here, not counting blobs. */
unsigned ipc_channel_queued_descriptors(const struct ipc_channel *channel);

#endif
