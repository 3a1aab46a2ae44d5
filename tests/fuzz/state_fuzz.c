/* SPDX-License-Identifier: MIT */
/* rooms: supervisor */
/* What another binary left to the supervisor, as it is taken apart, and put again. */
#include "supervisor/state_internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_descriptor(int *fd, void *context)
{
    (void)context;
    if (*fd <= 2)
        abort();
}

static void check_round_trip(struct state *state)
{
    struct wire_writer first, second;
    struct state again;
    const char *why;

    wire_writer_init(&first);
    wire_writer_init(&second);
    state_encode(&first, state);
    if (state_decode(&again, wire_written(&first), &why) != 0)
        abort();
    state_encode(&second, &again);
    if (!slice_equal(wire_written(&first), wire_written(&second)))
        abort();
    state_free(&again);
    wire_writer_free(&first);
    wire_writer_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct state state;
    const char *why;

    if (state_decode(&state, (struct slice){(const char *)data, size}, &why) == 0) {
        state_each_descriptor(&state, check_descriptor, NULL);
        check_round_trip(&state);
    } else if (!why) {
        abort();
    }
    state_free(&state);
    return 0;
}
