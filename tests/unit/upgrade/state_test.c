/* SPDX-License-Identifier: MIT */
/* The frame of a state: versions, cuts and lies; what others put in it is only handed on. */
#include "upgrade/state.h"

#include <criterion/criterion.h>
#include <unistd.h>

static const struct state sample = {.config = {"/etc/nsgate.conf", 16},
                                    .pid_fd = 10,
                                    .log_fd = -1,
                                    .tally_fd = 12,
                                    .control_fd = 15,
                                    .started = 1234567,
                                    .ipc_version = 1};

static struct wire_writer bytes_of(const struct state *state)
{
    struct wire_writer bytes;

    wire_writer_init(&bytes);
    state_encode(&bytes, state);
    wire_put_u8(&bytes, 't');
    return bytes;
}

static const char *decode(struct slice bytes)
{
    struct state state;
    const char *why;
    int result = state_decode(&state, bytes, &why);

    cr_assert_eq(result == 0, why == NULL);
    return why;
}

Test(state, says_what_was_put)
{
    struct wire_writer bytes = bytes_of(&sample);
    struct state state;
    const char *why;

    cr_assert_eq(state_decode(&state, wire_written(&bytes), &why), 0);
    cr_assert(slice_equal(state.config, SLICE("/etc/nsgate.conf")));
    cr_assert(state.pid_fd == 10 && state.log_fd == -1 && state.control_fd == 15);
    cr_assert_eq(state.started, 1234567);
    cr_assert(slice_equal(state.rest, SLICE("t")));
    wire_writer_free(&bytes);
}

Test(state, other_versions)
{
    struct wire_writer bytes = bytes_of(&sample);

    bytes.data[12]++;
    cr_assert_str_eq(decode(wire_written(&bytes)),
                     "tenants are kept in a format of another version");
    bytes.data[8]++;
    cr_assert_str_eq(decode(wire_written(&bytes)), "the state has a format of another version");
    bytes.data[0]++;
    cr_assert_str_eq(decode(wire_written(&bytes)), "it is no state of nsgate");
    wire_writer_free(&bytes);
}

Test(state, every_cut)
{
    struct wire_writer bytes = bytes_of(&sample);

    for (size_t len = 0; len + 1 < bytes.len; len++)
        cr_assert_not_null(decode(slice_head(wire_written(&bytes), len)));
    wire_writer_free(&bytes);
}

static void count_descriptor(int *fd, void *context)
{
    cr_assert_gt(*fd, STDERR_FILENO);
    ++*(unsigned *)context;
}

Test(state, descriptors_that_go_along)
{
    struct state state = sample;
    unsigned count = 0;

    state_each_descriptor(&state, count_descriptor, &count);
    cr_assert_eq(count, 3); /* pid, tally, control */
}
