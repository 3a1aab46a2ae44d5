/* SPDX-License-Identifier: MIT */
/* rooms: children */
/* What a worker says that its tenants have: whatever it is, the numbers are only added up. */
#include "children/figures.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct assignment tenant; /* "a" */
static unsigned answers;

static struct assignment *next(void *owner, const struct assignment *assignment)
{
    (void)owner;
    return assignment ? NULL : &tenant;
}

static struct assignment *find(void *owner, struct slice name)
{
    (void)owner;
    return slice_equal(name, SLICE("a")) ? &tenant : NULL;
}

static void on_figures(void *owner)
{
    (void)owner;
    answers++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct children_events events = {
        .next = next, .find = find, .on_figures = on_figures};
    static struct loop loop;
    struct children children = {.loop = &loop, .events = &events};
    struct child worker = {.children = &children, .role = ROLE_WORKER, .owes_figures = true};
    struct ipc_received received = {.message = IPC_FIGURES, .blob = {(const char *)data, size}};
    struct wire_writer body;

    if (!loop.ev)
        loop_init(&loop);
    answers = 0;
    figures_init(&children);
    children.present = (struct generation){.workers = &worker, .count = 1};
    children.figures.is_asking = true;
    children.figures.serial = 1;
    wire_writer_init(&body);
    wire_put_u64(&body, 1);
    wire_reader_init(&received.body, wire_written(&body));
    if (figures_on_message(&worker, &received) > 0)
        abort();
    if (worker.owes_figures || children.figures.is_asking || answers != 1)
        abort(); /* it has answered, whatever it said */
    wire_writer_free(&body);
    return 0;
}
