/* SPDX-License-Identifier: MIT */
/* Answers what the supervisor asks for -s status. */
#include "worker_internal.h"

/* slice tenant, u32 connections, u32 draining, u64 requests */
static void put_tenant(void *owner, const struct frontend_figures *figures)
{
    struct wire_writer *writer = owner;

    if (figures->connections == 0 && figures->requests == 0)
        return;
    wire_put_slice(writer, figures->tenant);
    wire_put_u32(writer, figures->connections);
    wire_put_u32(writer, figures->draining);
    wire_put_u64(writer, figures->requests);
}

int figures_tell(struct worker *worker, struct ipc_received *received)
{
    uint64_t serial = wire_get_u64(&received->body);
    struct wire_writer body;
    struct wire_writer bytes;
    struct ipc_blob *blob;

    if (wire_finish(&received->body) != 0)
        return ERROR_IPC;
    wire_writer_init(&bytes);
    wire_put_u32(&bytes, frontend_connections(worker->frontend));
    frontend_figures(worker->frontend, put_tenant, &bytes);
    blob = ipc_blob_new(wire_written(&bytes));
    wire_writer_init(&body);
    wire_put_u64(&body, serial);
    ipc_send(worker->channel, IPC_FIGURES, &body, NULL, 0, blob);
    ipc_blob_unref(blob);
    wire_writer_free(&body);
    wire_writer_free(&bytes);
    return 0;
}
