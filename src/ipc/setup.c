/* SPDX-License-Identifier: MIT */
/* The body of SETUP: what a child is told first. */
#include "ipc/channel.h"

void ipc_put_setup(struct wire_writer *writer, const struct ipc_setup *setup)
{
    wire_put_u32(writer, setup->index);
    wire_put_u32(writer, setup->workers);
    wire_put_u32(writer, setup->log_level);
    wire_put_u8(writer, setup->log_sink);
    wire_put_u8(writer, setup->identity.keep);
    wire_put_u32(writer, setup->identity.user);
    wire_put_u32(writer, setup->identity.group);
    wire_put_u32(writer, setup->identity.group_count);
    for (uint32_t i = 0; i < setup->identity.group_count; i++)
        wire_put_u32(writer, setup->identity.groups[i]);
}

int ipc_get_setup(struct wire_reader *reader, struct ipc_setup *setup)
{
    setup->index = wire_get_u32(reader);
    setup->workers = wire_get_u32(reader);
    setup->log_level = wire_get_u32(reader);
    setup->log_sink = wire_get_u8(reader);
    setup->identity.keep = wire_get_u8(reader) != 0;
    setup->identity.user = wire_get_u32(reader);
    setup->identity.group = wire_get_u32(reader);
    setup->identity.group_count = wire_get_count(reader, sizeof(uint32_t));
    if (setup->identity.group_count > CAGE_GROUPS_MAX)
        return ERROR_IPC;
    for (uint32_t i = 0; i < setup->identity.group_count; i++)
        setup->identity.groups[i] = wire_get_u32(reader);
    return wire_finish(reader);
}
