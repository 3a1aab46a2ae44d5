/* SPDX-License-Identifier: MIT */
/* Telling the operator what is wrong with a configuration: in the log, or on stderr under -t. */
#include "supervisor_internal.h"

#include <stdarg.h>
#include <stdio.h>

#define REPORT_LINE 2048 /* bytes of one message */

static const char *report_word(enum diag_severity severity)
{
    switch (severity) {
    case DIAG_ERROR:
        return "error";
    case DIAG_WARNING:
        return "warn";
    default:
        return "notice";
    }
}

static enum log_level report_level(enum diag_severity severity)
{
    switch (severity) {
    case DIAG_ERROR:
        return LOG_LEVEL_ERROR;
    case DIAG_WARNING:
        return LOG_LEVEL_WARN;
    default:
        return LOG_LEVEL_NOTICE;
    }
}

static bool report_is_printed(const struct supervisor *supervisor)
{
    return supervisor->round.kind == ROUND_TEST;
}

static void report_line(const struct supervisor *supervisor, const char *tenant,
                        enum diag_severity severity, const char *text)
{
    if (report_is_printed(supervisor))
        fprintf(stderr, "nsgate: [%s] %s\n", report_word(severity), text);
    else if (tenant)
        log_write(report_level(severity), "tenant %s: %s", tenant, text);
    else
        log_write(report_level(severity), "%s", text);
}

void report_text(const struct supervisor *supervisor, const char *tenant,
                 enum diag_severity severity, const char *format, ...)
{
    char text[REPORT_LINE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    report_line(supervisor, tenant, severity, text);
}

void report_diags(const struct supervisor *supervisor, const char *tenant,
                  const struct diag_list *diags)
{
    const struct diag *diag;
    char text[REPORT_LINE];

    STAILQ_FOREACH (diag, &diags->items, next) {
        diag_format(diag, text, sizeof(text));
        report_line(supervisor, tenant, diag->severity, text);
    }
}

void report_print(const struct diag_list *diags)
{
    const struct diag *diag;
    char text[REPORT_LINE];

    STAILQ_FOREACH (diag, &diags->items, next) {
        diag_format(diag, text, sizeof(text));
        fprintf(stderr, "nsgate: [%s] %s\n", report_word(diag->severity), text);
    }
}
