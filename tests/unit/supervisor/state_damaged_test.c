/* SPDX-License-Identifier: MIT */
/* States of other versions, cut short, and with lies in them. */
#include "state_sample.h"

#include "ipc/wire.h"

#include <criterion/criterion.h>

static struct wire_writer sample_bytes(void)
{
    struct wire_writer bytes;
    struct sample sample;

    sample_open(&sample);
    wire_writer_init(&bytes);
    sample_put(&bytes, &sample);
    sample_close(&sample);
    return bytes;
}

static int decode(struct slice bytes)
{
    struct sample sample;
    int result = sample_get(&sample, bytes);

    sample_close(&sample);
    return result;
}

Test(state_damaged, every_cut)
{
    struct wire_writer bytes = sample_bytes();

    cr_assert_eq(decode(wire_written(&bytes)), 0);
    for (size_t len = 0; len < bytes.len; len++)
        cr_assert_neq(decode(slice_head(wire_written(&bytes), len)), 0);
    wire_put_u8(&bytes, 0);
    cr_assert_neq(decode(wire_written(&bytes)), 0);
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
    struct sample sample;
    struct record *b;

    sample_open(&sample);
    b = registry_find(&sample.registry, SLICE("b"));
    b->name[0] = 'a';
    wire_writer_init(&bytes);
    sample_put(&bytes, &sample);
    cr_assert_neq(decode(wire_written(&bytes)), 0);
    b->name[0] = 'b';
    sample_close(&sample);
    wire_writer_free(&bytes);
}

/* Their index is their place in the generation: none twice. Nor is pid 1 ours. */
Test(state_damaged, workers_that_cannot_be)
{
    for (int i = 0; i < 3; i++) {
        struct wire_writer bytes;
        struct sample sample;

        sample_open(&sample);
        sample.workers.workers[1].index = i == 0 ? 0 : 2;
        sample.workers.workers[1].pid = i == 1 ? 1 : 102;
        sample.workers.half = i == 2 ? 2 : 1;
        wire_writer_init(&bytes);
        sample_put(&bytes, &sample);
        cr_assert_neq(decode(wire_written(&bytes)), 0);
        sample_close(&sample);
        wire_writer_free(&bytes);
    }
}
