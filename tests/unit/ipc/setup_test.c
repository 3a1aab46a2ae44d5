/* SPDX-License-Identifier: MIT */
/* What children do with SETUP, LOG and PING. */
#include "base/log.h"
#include "ipc/body.h"

#include <criterion/criterion.h>
#include <unistd.h>

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
    const struct ipc_log wrong = {LOG_LEVEL_ERROR + 1, LOG_SINK_STDERR};
    const struct ipc_log right = {LOG_LEVEL_INFO, LOG_SINK_STDERR};
    int fd = -1;

    received.descriptors[0] = dup(STDERR_FILENO);
    wire_writer_init(&body);
    ipc_put_log(&body, &(struct ipc_log){LOG_LEVEL_WARN, LOG_SINK_FILE});
    wire_reader_init(&received.body, wire_written(&body));
    cr_assert_eq(ipc_take_log(&received, &fd), 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(received.descriptors[0], -1);
    cr_assert_eq(log_get_level(), LOG_LEVEL_WARN);
    received.descriptor_count = 0;
    cr_assert_eq(ipc_set_log(&received, &wrong, &fd), ERROR_IPC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ipc_set_log(&received, &right, &fd), 0);
    cr_assert_eq(fd, -1);
    wire_writer_free(&body);
}
