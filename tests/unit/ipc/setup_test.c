/* SPDX-License-Identifier: MIT */
/* The body of SETUP. */
#include "ipc/channel.h"

#include <criterion/criterion.h>

Test(setup, round_trip)
{
    struct ipc_setup sent = {3, 4, 2, 1, SLICE("nobody"), SLICE("")};
    struct ipc_setup got;
    struct wire_writer writer;
    struct wire_reader reader;

    wire_writer_init(&writer);
    ipc_put_setup(&writer, &sent);
    wire_reader_init(&reader, wire_written(&writer));
    cr_assert_eq(ipc_get_setup(&reader, &got), 0);
    cr_assert_eq(got.index, 3);
    cr_assert_eq(got.workers, 4);
    cr_assert_eq(got.log_level, 2);
    cr_assert_eq(got.log_sink, 1);
    cr_assert(slice_equal(got.user, sent.user));
    cr_assert_eq(got.group.len, 0);
    wire_reader_init(&reader, slice_head(wire_written(&writer), 9));
    cr_assert_eq(ipc_get_setup(&reader, &got), ERROR_IPC);
    wire_writer_free(&writer);
}
