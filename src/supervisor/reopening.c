/* SPDX-License-Identifier: MIT */
/* All log files opened anew: who waits at the control socket is told when both kinds are done. */
#include "supervisor_internal.h"

#include "base/memory.h"

#include <stdlib.h>

/* Those logs are open, or stay where they are; the last ones end it. They are opened anew at other
 * times, too: then nobody waits. */
static void reopening_end(struct supervisor *supervisor, enum reopening_log log, const char *error)
{
    struct reopening *reopening = &supervisor->reopening;

    if (!(reopening->outstanding & log))
        return;
    reopening->outstanding &= ~(unsigned)log;
    if (error && !reopening->error)
        reopening->error = memory_text(error);
    if (reopening->outstanding)
        return;
    control_tell_reopened(&supervisor->control, reopening->error);
    reopening_free(supervisor);
}

static void reopening_on_error_log(void *owner, const char *error)
{
    struct supervisor *supervisor = owner;

    reopening_end(supervisor, REOPENING_ERROR_LOG, error);
    if (error)
        reload_keep_setting(&supervisor->reload, error);
}

static void reopening_on_access_logs(void *owner, const char *error)
{
    reopening_end(owner, REOPENING_ACCESS_LOGS, error);
}

/* Asked for again meanwhile: who waits for the first time waits for both. */
void reopening_begin(struct supervisor *supervisor)
{
    supervisor->reopening.outstanding = REOPENING_ERROR_LOG | REOPENING_ACCESS_LOGS;
    logging_follow(&supervisor->logging, supervisor->settings, true);
    access_logs_reopen(&supervisor->access_logs);
}

void reopening_init(struct supervisor *supervisor)
{
    logging_init(&supervisor->logging, &supervisor->children, reopening_on_error_log, supervisor);
    access_logs_init(&supervisor->access_logs, &supervisor->children, reopening_on_access_logs,
                     supervisor);
}

void reopening_free(struct supervisor *supervisor)
{
    free(supervisor->reopening.error);
    supervisor->reopening.error = NULL;
}
