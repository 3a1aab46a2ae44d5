/* SPDX-License-Identifier: MIT */
/* Header of a datagram, and the check of what came against the message table. */
#include "ipc/datagram.h"

void ipc_datagram_head(unsigned char *head, enum ipc_message message, uint32_t blob_len)
{
    uint32_t words[2] = {(uint32_t)message, blob_len};

    memcpy(head, words, IPC_HEADER_SIZE);
}

static const char *datagram_fault(const struct ipc_datagram *datagram, struct ipc_ends ends,
                                  unsigned descriptors)
{
    unsigned blobs = ipc_message_has_blob(datagram->message) ? 1 : 0;
    unsigned most = ipc_message_descriptors(datagram->message) + blobs;

    if (datagram->message <= IPC_NONE || datagram->message >= IPC_MESSAGE_COUNT_)
        return "unknown message";
    if (!ipc_message_is_allowed(datagram->message, ends.peer, ends.self))
        return "message that this process may not send";
    if (descriptors == IPC_DESCRIPTORS_LACKING)
        descriptors = ipc_message_descriptors(datagram->message) > 0 ? most : blobs;
    if (descriptors < ipc_message_least_descriptors(datagram->message) + blobs ||
        descriptors > most)
        return "wrong number of descriptors";
    if (datagram->blob_len > (blobs ? IPC_BLOB_MAX : 0))
        return "blob of a wrong size";
    return NULL;
}

int ipc_datagram_decode(struct ipc_datagram *datagram, struct slice bytes, struct ipc_ends ends,
                        unsigned descriptors, const char **reason)
{
    uint32_t words[2];

    if (bytes.len < IPC_HEADER_SIZE) {
        *reason = "truncated message";
        return ERROR_IPC;
    }
    memcpy(words, bytes.data, IPC_HEADER_SIZE);
    datagram->message = words[0] < IPC_MESSAGE_COUNT_ ? (enum ipc_message)words[0] : IPC_NONE;
    datagram->blob_len = words[1];
    datagram->body = slice_from(bytes, IPC_HEADER_SIZE);
    *reason = datagram_fault(datagram, ends, descriptors);
    return *reason ? ERROR_IPC : 0;
}
