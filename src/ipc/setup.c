/* SPDX-License-Identifier: MIT */
/* The body of SETUP: what a child is told first. */
#include "ipc/channel.h"

void ipc_put_setup(struct wire_writer *writer, const struct ipc_setup *setup)
{
    wire_put_u32(writer, setup->index);
    wire_put_u32(writer, setup->workers);
    wire_put_u32(writer, setup->log_level);
    wire_put_u8(writer, setup->log_sink);
    wire_put_slice(writer, setup->user);
    wire_put_slice(writer, setup->group);
}

int ipc_get_setup(struct wire_reader *reader, struct ipc_setup *setup)
{
    setup->index = wire_get_u32(reader);
    setup->workers = wire_get_u32(reader);
    setup->log_level = wire_get_u32(reader);
    setup->log_sink = wire_get_u8(reader);
    setup->user = wire_get_slice(reader);
    setup->group = wire_get_slice(reader);
    return wire_finish(reader);
}
