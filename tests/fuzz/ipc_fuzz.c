/* SPDX-License-Identifier: MIT */
/* rooms: ipc io base */
/* Datagrams from another process, as the channel and the readers behind it take them apart. */
#include "ipc/body.h"
#include "ipc/datagram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As each body of the table, whatever the message: what is read is what would be sent. */
static void read_bodies(struct wire_reader reader)
{
#define X(name)                                                                                    \
    {                                                                                              \
        struct wire_reader bytes = reader;                                                         \
        struct wire_writer again;                                                                  \
        struct ipc_##name body;                                                                    \
                                                                                                   \
        wire_writer_init(&again);                                                                  \
        if (ipc_get_##name(&bytes, &body) == 0) {                                                  \
            ipc_put_##name(&again, &body);                                                         \
            if (!slice_equal(wire_written(&again), reader.rest))                                   \
                __builtin_trap();                                                                  \
        }                                                                                          \
        wire_writer_free(&again);                                                                  \
    }
    IPC_BODIES(X)
#undef X
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum ipc_role roles[] = {ROLE_SUPERVISOR, ROLE_WORKER, ROLE_RESOLVER};
    struct ipc_datagram datagram;
    struct wire_reader reader;
    const char *reason;

    if (size < 2)
        return 0;
    if (data[1] % 2 == 1)
        roles[2] = ROLE_OBSERVER;
    if (ipc_datagram_decode(
            &datagram, (struct slice){(const char *)data + 2, size - 2},
            (struct ipc_ends){.self = roles[data[0] / 3 % 3], .peer = roles[data[0] % 3]},
            data[0] / 9 % 4, &reason) == 0) {
        if (!ipc_message_is_allowed(datagram.message, roles[data[0] % 3], roles[data[0] / 3 % 3]))
            __builtin_trap();
        wire_reader_init(&reader, datagram.body);
        read_bodies(reader);
    } else if (!reason) {
        __builtin_trap();
    }
    return 0;
}
