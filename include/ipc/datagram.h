/* SPDX-License-Identifier: MIT */
/* One datagram of a channel: a header in front of the body, and the rules it must keep. */
#ifndef IPC_DATAGRAM_H
#define IPC_DATAGRAM_H

#include "base/error.h"
#include "ipc/message.h"
#include "ipc/wire.h"

#include <limits.h>

#define IPC_HEADER_SIZE 8            /* u32 message, u32 bytes of the blob */
#define IPC_BLOB_MAX    (256u << 20) /* bytes */

/* In place of their number: the receiver had no room for them. */
#define IPC_DESCRIPTORS_LACKING UINT_MAX

struct ipc_datagram {
    enum ipc_message message;
    uint32_t blob_len;
    struct slice body;
};

/* Writes the header's IPC_HEADER_SIZE bytes. */
void ipc_datagram_head(unsigned char *head, enum ipc_message message, uint32_t blob_len);

/* Takes apart a datagram that ends.self received and holds it to the message table.
 * descriptors: how many came with it, a blob's included, or IPC_DESCRIPTORS_LACKING. Returns 0, or
 * ERROR_IPC with a constant sentence in *reason. */
int ipc_datagram_decode(struct ipc_datagram *datagram, struct slice bytes, struct ipc_ends ends,
                        unsigned descriptors, const char **reason);

#endif
