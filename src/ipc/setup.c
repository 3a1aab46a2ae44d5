/* SPDX-License-Identifier: MIT */
/* What every child does with SETUP, LOG and PING. */
#include "ipc/body.h"

#include "base/log.h"

#include <unistd.h>

int ipc_set_log(struct ipc_received *received, const struct ipc_log *log, int *fd)
{
    int old = *fd;

    if (log->level > LOG_LEVEL_ERROR || log->sink > LOG_SINK_SYSLOG)
        return ERROR_IPC;
    *fd = -1;
    if (received->descriptor_count > 0) {
        *fd = received->descriptors[0];
        received->descriptors[0] = -1;
    }
    log_set_level((enum log_level)log->level);
    log_set_sink((enum log_sink)log->sink, *fd >= 0 ? *fd : STDERR_FILENO);
    if (old >= 0)
        close(old);
    return 0;
}

int ipc_take_log(struct ipc_received *received, int *fd)
{
    struct ipc_log log;
    int result = ipc_get_log(&received->body, &log);

    /* Without room for it, the log of before is better than none. */
    return result != 0 || received->is_short ? result : ipc_set_log(received, &log, fd);
}

int ipc_answer_ping(struct ipc_channel *channel, struct ipc_received *received)
{
    struct ipc_serial body;

    if (ipc_get_serial(&received->body, &body) != 0)
        return ERROR_IPC;
    ipc_send_serial(channel, IPC_PONG, &body, NULL);
    return 0;
}
