/* SPDX-License-Identifier: MIT */
/* rooms: tenant config http tls ipc io base */
/* Feeds bytes to the decoder of bundles and of diags, and what it accepts to the encoder. */
#include "tenant/bundle.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct bundle *bundle)
{
    struct wire_writer first, second;
    struct bundle again;
    struct arena arena;
    wire_writer_init(&first);
    wire_writer_init(&second);
    arena_init(&arena, 4096);
    bundle_encode(&first, bundle);
    if (bundle_decode(&again, &arena, wire_written(&first)) != 0)
        abort();
    bundle_encode(&second, &again);
    if (!slice_equal(wire_written(&first), wire_written(&second)))
        abort();
    arena_free(&arena);
    wire_writer_free(&first);
    wire_writer_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    struct bundle bundle;
    struct arena arena;
    arena_init(&arena, 4096);
    if (bundle_decode(&bundle, &arena, bytes) == 0)
        check_round_trip(&bundle);
    arena_free(&arena);

    struct diag_list diags;
    struct wire_reader reader;
    diag_list_init(&diags);
    wire_reader_init(&reader, bytes);
    bundle_get_diags(&reader, &diags);
    diag_list_free(&diags);
    return 0;
}
