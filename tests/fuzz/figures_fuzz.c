/* SPDX-License-Identifier: MIT */
/* rooms: supervisor */
/* What a worker says that its tenants have: whatever it is, the supervisor only adds up. */
#include "supervisor/supervisor_internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A supervisor with one tenant, "a", and one worker that has been asked. */
static struct supervisor *fuzz_open(struct child *worker)
{
    static struct supervisor supervisor;
    static bool is_open;

    if (!is_open) {
        supervisor_init(&supervisor, "nsgate.conf", "/proc/self/exe");
        if (!registry_add(&supervisor.registry, SLICE("a"), "a.conf", NULL))
            abort();
        is_open = true;
    }
    child_init(worker, &supervisor, ROLE_WORKER, 0);
    supervisor.workers = worker;
    supervisor.worker_count = 1;
    supervisor.figures.is_asking = true;
    supervisor.figures.serial = 1;
    worker->owes_figures = true;
    return &supervisor;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ipc_received received = {.message = IPC_FIGURES, .blob = {(const char *)data, size}};
    struct wire_writer body;
    struct child worker;
    struct supervisor *supervisor = fuzz_open(&worker);

    wire_writer_init(&body);
    wire_put_u64(&body, 1);
    wire_reader_init(&received.body, wire_written(&body));
    if (figures_on_message(supervisor, &worker, &received) > 0)
        abort();
    if (worker.owes_figures || supervisor->figures.is_asking)
        abort(); /* it has answered, whatever it said */
    wire_writer_free(&body);
    return 0;
}
