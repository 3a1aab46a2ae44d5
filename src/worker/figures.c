/* SPDX-License-Identifier: MIT */
/* Answers what the supervisor asks for -s status. */
#include "worker_internal.h"

#include "ipc/body.h"

static void put_tenant(void *owner, const struct frontend_stats *figures)
{
    const struct ipc_tenant_figures told = {figures->tenant, figures->connections,
                                            figures->draining, figures->requests, figures->refused};

    if (figures->connections > 0 || figures->requests > 0 || figures->refused > 0)
        ipc_put_tenant_figures(owner, &told);
}

int figures_tell(struct worker *worker, struct ipc_received *received)
{
    struct ipc_serial body;
    struct wire_writer bytes;
    struct ipc_blob *blob;

    if (ipc_get_serial(&received->body, &body) != 0)
        return ERROR_IPC;
    wire_writer_init(&bytes);
    wire_put_u32(&bytes, frontend_connections(worker->frontend));
    frontend_stats(worker->frontend, put_tenant, &bytes);
    blob = ipc_blob_new(wire_written(&bytes));
    ipc_send_serial(worker->channel, IPC_FIGURES, &body, &(struct ipc_attachments){.blob = blob});
    ipc_blob_unref(blob);
    wire_writer_free(&bytes);
    return 0;
}
