/* SPDX-License-Identifier: MIT */
/* States of other versions, cut short, and with lies in them. */
#include "supervisor/state_internal.h"

#include "state_sample.h"

#include "ipc/wire.h"

#include <criterion/criterion.h>

static struct wire_writer sample_bytes(void)
{
    struct wire_writer bytes;
    struct state state;

    state_sample(&state);
    wire_writer_init(&bytes);
    state_encode(&bytes, &state);
    state_free(&state);
    return bytes;
}

static const char *decode(struct slice bytes)
{
    struct state state;
    const char *why;
    int result = state_decode(&state, bytes, &why);

    cr_assert_eq(result == 0, why == NULL);
    state_free(&state);
    return why;
}

Test(state_damaged, other_versions)
{
    struct wire_writer bytes = sample_bytes();

    cr_assert_null(decode(wire_written(&bytes)));
    bytes.data[12]++;
    cr_assert_str_eq(decode(wire_written(&bytes)),
                     "tenants are kept in a format of another version");
    bytes.data[8]++;
    cr_assert_str_eq(decode(wire_written(&bytes)), "the state has a format of another version");
    bytes.data[0]++;
    cr_assert_str_eq(decode(wire_written(&bytes)), "it is no state of nsgate");
    wire_writer_free(&bytes);
}

Test(state_damaged, every_cut)
{
    struct wire_writer bytes = sample_bytes();

    for (size_t len = 0; len < bytes.len; len++)
        cr_assert_not_null(decode(slice_head(wire_written(&bytes), len)));
    wire_put_u8(&bytes, 0);
    cr_assert_str_eq(decode(wire_written(&bytes)), "the state is damaged");
    wire_writer_free(&bytes);
}

/* No byte may make it crash, whatever it becomes. */
Test(state_damaged, every_byte)
{
    struct wire_writer bytes = sample_bytes();

    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] ^= 0x81;
        decode(wire_written(&bytes));
        bytes.data[i] ^= 0x81;
    }
    wire_writer_free(&bytes);
}

Test(state_damaged, the_same_tenant_twice)
{
    struct wire_writer bytes;
    struct state state;
    struct record *b;

    state_sample(&state);
    b = registry_find(&state.registry, SLICE("b"));
    b->name[0] = 'a';
    wire_writer_init(&bytes);
    state_encode(&bytes, &state);
    cr_assert_str_eq(decode(wire_written(&bytes)), "the state is damaged");
    b->name[0] = 'b';
    state_free(&state);
    wire_writer_free(&bytes);
}

/* Their index is their place in the generation: none twice. */
Test(state_damaged, workers_out_of_order)
{
    struct wire_writer bytes;
    struct state state;

    state_sample(&state);
    state.workers[1].index = 0;
    wire_writer_init(&bytes);
    state_encode(&bytes, &state);
    cr_assert_str_eq(decode(wire_written(&bytes)), "the state is damaged");
    state_free(&state);
    wire_writer_free(&bytes);
}
