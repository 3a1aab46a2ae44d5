/* SPDX-License-Identifier: MIT */
/* rooms: reload upgrade */
/* What another binary left to the supervisor, as it is taken apart, and put again. */
#include "reload/record.h"

#include "children/children.h"
#include "upgrade/state.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_descriptor(int *fd, void *context)
{
    (void)context;
    if (*fd <= 2)
        abort();
}

static void forget_descriptor(int *fd, void *context)
{
    check_descriptor(fd, context);
    *fd = -1;
}

/* Returns 0 when all of it is good. */
static int take_apart(struct state *state, struct registry *registry, struct slice bytes)
{
    struct namespaces none = {0};
    struct children_state workers;
    struct figures figures;
    struct wire_reader rest;
    const char *why;

    if (state_decode(state, bytes, &why) != 0) {
        if (!why)
            abort();
        return -1;
    }
    wire_reader_init(&rest, state->rest);
    children_get(&rest, &workers);
    figures_init(&figures);
    figures_get(&rest, &figures);
    metrics_reader_free(figures.reader);
    registry_get(&rest, registry);
    namespaces_get(&rest, &none);
    return wire_finish(&rest);
}

static void put(struct wire_writer *writer, const struct state *state,
                const struct registry *registry)
{
    wire_writer_init(writer);
    state_encode(writer, state);
    for (int i = 0; i < 4; i++) /* neither workers nor figures */
        wire_put_u32(writer, 0);
    registry_put(writer, registry);
    wire_put_bool(writer, false); /* and no namespaces */
}

static void check_round_trip(const struct state *state, const struct registry *registry)
{
    struct wire_writer first;
    struct wire_writer second;
    struct registry tenants = {0};
    struct state again;

    put(&first, state, registry);
    if (take_apart(&again, &tenants, wire_written(&first)) != 0)
        abort();
    put(&second, &again, &tenants);
    if (!slice_equal(wire_written(&first), wire_written(&second)))
        abort();
    registry_each_descriptor(&tenants, forget_descriptor, NULL);
    registry_free(&tenants);
    wire_writer_free(&first);
    wire_writer_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct registry registry = {0};
    struct state state;

    if (take_apart(&state, &registry, (struct slice){(const char *)data, size}) == 0) {
        state_each_descriptor(&state, check_descriptor, NULL);
        check_round_trip(&state, &registry);
    }
    registry_each_descriptor(&registry, forget_descriptor, NULL);
    registry_free(&registry);
    return 0;
}
