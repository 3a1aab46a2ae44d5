/* SPDX-License-Identifier: MIT */
/* The body of SETUP. */
#include "base/log.h"
#include "ipc/channel.h"

#include <criterion/criterion.h>
#include <unistd.h>

Test(setup, round_trip)
{
    struct ipc_setup sent = {3, 4, 2, 1, {.user = 65534, .group = 7, .groups = {7, 9}}};
    struct ipc_setup got;
    struct wire_writer writer;
    struct wire_reader reader;

    sent.identity.group_count = 2;
    wire_writer_init(&writer);
    ipc_put_setup(&writer, &sent);
    wire_reader_init(&reader, wire_written(&writer));
    cr_assert_eq(ipc_get_setup(&reader, &got), 0);
    cr_assert_eq(got.index, 3);
    cr_assert_eq(got.column, 4);
    cr_assert_eq(got.log_level, 2);
    cr_assert_eq(got.log_sink, 1);
    cr_assert_not(got.identity.keep);
    cr_assert_eq(got.identity.user, 65534);
    cr_assert_eq(got.identity.group, 7);
    cr_assert_eq(got.identity.group_count, 2);
    cr_assert_eq(got.identity.groups[1], 9);
    wire_reader_init(&reader, slice_head(wire_written(&writer), 9));
    cr_assert_eq(ipc_get_setup(&reader, &got), ERROR_IPC);
    wire_writer_free(&writer);
}

Test(setup, too_many_groups_are_refused)
{
    struct ipc_setup sent = {.identity.group_count = CAGE_GROUPS_MAX};
    struct ipc_setup got;
    struct wire_writer writer;
    struct wire_reader reader;

    wire_writer_init(&writer);
    ipc_put_setup(&writer, &sent);
    wire_put_u32(&writer, 1);
    writer.data[writer.len - 4 * (CAGE_GROUPS_MAX + 2)] = CAGE_GROUPS_MAX + 1; /* the count */
    wire_reader_init(&reader, wire_written(&writer));
    cr_assert_eq(ipc_get_setup(&reader, &got), ERROR_IPC);
    wire_writer_free(&writer);
}

Test(setup, a_log_is_taken_with_its_descriptor)
{
    struct ipc_received received = {.descriptor_count = 1};
    struct wire_writer body;
    int fd = -1;

    received.descriptors[0] = dup(STDERR_FILENO);
    wire_writer_init(&body);
    wire_put_u32(&body, LOG_LEVEL_WARN);
    wire_put_u8(&body, LOG_SINK_FILE);
    wire_reader_init(&received.body, wire_written(&body));
    cr_assert_eq(ipc_take_log(&received, &fd), 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(received.descriptors[0], -1);
    cr_assert_eq(log_get_level(), LOG_LEVEL_WARN);
    received.descriptor_count = 0;
    cr_assert_eq(ipc_set_log(&received, LOG_LEVEL_ERROR + 1, LOG_SINK_STDERR, &fd), ERROR_IPC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ipc_set_log(&received, LOG_LEVEL_INFO, LOG_SINK_STDERR, &fd), 0);
    cr_assert_eq(fd, -1);
    wire_writer_free(&body);
}
