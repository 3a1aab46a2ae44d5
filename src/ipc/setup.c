/* SPDX-License-Identifier: MIT */
/* What every child is told, and answers: SETUP, LOG, PING. */
#include "ipc/channel.h"

#include "base/log.h"

#include <unistd.h>

void ipc_put_setup(struct wire_writer *writer, const struct ipc_setup *setup)
{
    wire_put_u32(writer, setup->index);
    wire_put_u32(writer, setup->column);
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
    setup->column = wire_get_u32(reader);
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

int ipc_set_log(struct ipc_received *received, uint32_t level, uint8_t sink, int *fd)
{
    int old = *fd;

    if (level > LOG_LEVEL_ERROR || sink > LOG_SINK_SYSLOG)
        return ERROR_IPC;
    *fd = -1;
    if (received->descriptor_count > 0) {
        *fd = received->descriptors[0];
        received->descriptors[0] = -1;
    }
    log_set_level((enum log_level)level);
    log_set_sink((enum log_sink)sink, *fd >= 0 ? *fd : STDERR_FILENO);
    if (old >= 0)
        close(old);
    return 0;
}

int ipc_take_log(struct ipc_received *received, int *fd)
{
    uint32_t level = wire_get_u32(&received->body);
    uint8_t sink = wire_get_u8(&received->body);
    int result = wire_finish(&received->body);

    /* Without room for it, the log of before is better than none. */
    return result != 0 || received->is_short ? result : ipc_set_log(received, level, sink, fd);
}

void ipc_say_working(struct ipc_channel *channel, uint64_t serial)
{
    struct wire_writer body;

    wire_writer_init(&body);
    wire_put_u64(&body, serial);
    ipc_send(channel, IPC_WORKING, &body, NULL, 0, NULL);
    wire_writer_free(&body);
}

int ipc_answer_ping(struct ipc_channel *channel, struct ipc_received *received)
{
    uint64_t number = wire_get_u64(&received->body);
    struct wire_writer body;

    if (wire_finish(&received->body) != 0)
        return ERROR_IPC;
    wire_writer_init(&body);
    wire_put_u64(&body, number);
    ipc_send(channel, IPC_PONG, &body, NULL, 0, NULL);
    wire_writer_free(&body);
    return 0;
}
