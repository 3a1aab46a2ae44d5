/* SPDX-License-Identifier: MIT */
/* All log files opened anew: who waits at the control socket is told when both kinds are done. */
#include "supervisor_internal.h"

#include "base/memory.h"

#include <stdlib.h>

static void reopening_on_error_log(void *owner, const char *error)
{
    struct supervisor *supervisor = owner;

    free(supervisor->log_error);
    supervisor->log_error = error ? memory_text(error) : NULL;
    if (!supervisor->access_logs.is_reopening)
        control_tell_reopened(&supervisor->control, error);
    if (error)
        reload_keep_setting(&supervisor->reload, error);
}

static void reopening_on_access_logs(void *owner, const char *error)
{
    struct supervisor *supervisor = owner;

    if (!log_file_is_busy(&supervisor->logging.file))
        control_tell_reopened(&supervisor->control,
                              supervisor->log_error ? supervisor->log_error : error);
}

void reopening_begin(struct supervisor *supervisor)
{
    supervisor->access_logs.is_reopening = true;
    logging_follow(&supervisor->logging, supervisor->settings, true);
    access_logs_reopen(&supervisor->access_logs);
}

void reopening_init(struct supervisor *supervisor)
{
    logging_init(&supervisor->logging, &supervisor->children, reopening_on_error_log, supervisor);
    access_logs_init(&supervisor->access_logs, &supervisor->children, reopening_on_access_logs,
                     supervisor);
}
