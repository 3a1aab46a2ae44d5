/* SPDX-License-Identifier: MIT */
/* rooms: ipc io base */
/* Datagrams from another process, as the channel and the readers behind it take them apart. */
#include "ipc/channel.h"
#include "ipc/datagram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bodies' types, in the table's order of fields, whatever the message. */
static void read_body(struct wire_reader reader, uint8_t order)
{
    struct ipc_setup setup;
    struct wire_reader again = reader;

    for (unsigned bit = 0; bit < 8 && !reader.failed; bit++) {
        if (order >> bit & 1) {
            struct slice slice = wire_get_slice(&reader);

            if (slice.len > 0 && (slice.data[0] ^ slice.data[slice.len - 1]) == 0x7f)
                wire_get_u8(&reader);
        } else if (bit & 1) {
            wire_get_u32(&reader);
        } else {
            wire_get_u64(&reader);
        }
    }
    wire_get_count(&reader, order);
    wire_finish(&reader);
    ipc_get_setup(&again, &setup);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum ipc_role roles[] = {ROLE_SUPERVISOR, ROLE_WORKER, ROLE_RESOLVER};
    struct ipc_datagram datagram;
    struct wire_reader reader;
    const char *reason;

    if (size < 2)
        return 0;
    if (ipc_datagram_decode(&datagram, (struct slice){(const char *)data + 2, size - 2},
                            roles[data[0] % 3], roles[data[0] / 3 % 3], data[0] / 9 % 4,
                            &reason) == 0) {
        if (!ipc_message_is_allowed(datagram.message, roles[data[0] % 3], roles[data[0] / 3 % 3]))
            __builtin_trap();
        wire_reader_init(&reader, datagram.body);
        read_body(reader, data[1]);
    } else if (!reason) {
        __builtin_trap();
    }
    return 0;
}
