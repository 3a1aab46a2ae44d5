/* SPDX-License-Identifier: MIT */
/* Telling the operator what is wrong with a configuration: in the log, or on stderr under -t. */
#include "reload/report.h"

#include <stdarg.h>
#include <stdio.h>

#define REPORT_LINE 2048 /* bytes of one message */

static const enum log_level report_levels[] = {[DIAG_ERROR] = LOG_LEVEL_ERROR,
                                               [DIAG_WARNING] = LOG_LEVEL_WARN,
                                               [DIAG_NOTICE] = LOG_LEVEL_NOTICE};

static void report_line(const struct reload *reload, const struct record *record,
                        enum diag_severity severity, const char *text)
{
    if (reload->kind == RELOAD_TEST)
        fprintf(stderr, "nsgate: [%s] %s\n", log_level_name(report_levels[severity]), text);
    else if (record)
        log_write(report_levels[severity], "tenant %s: %s", record->name, text);
    else
        log_write(report_levels[severity], "%s", text);
}

void report_text(const struct reload *reload, struct record *record, enum diag_severity severity,
                 const char *format, ...)
{
    char text[REPORT_LINE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    report_line(reload, record, severity, text);
    if (record && severity == DIAG_ERROR)
        record_set_error(record, text);
}

/* Keeps the first of the errors, and how many there are, as the record's last one. */
static void report_keep(struct record *record, const struct diag_list *diags)
{
    const struct diag *diag = STAILQ_FIRST(&diags->items);
    char text[REPORT_LINE];
    size_t len;

    if (diags->errors == 0)
        return;
    while (diag->severity != DIAG_ERROR)
        diag = STAILQ_NEXT(diag, next);
    diag_format(diag, text, sizeof(text));
    len = strlen(text);
    if (diags->errors > 1)
        snprintf(text + len, sizeof(text) - len, " (and %u more)", diags->errors - 1);
    record_set_error(record, text);
}

void report_diags(const struct reload *reload, struct record *record, const struct diag_list *diags)
{
    const struct diag *diag;
    char text[REPORT_LINE];

    STAILQ_FOREACH (diag, &diags->items, next) {
        diag_format(diag, text, sizeof(text));
        report_line(reload, record, diag->severity, text);
        if (record && diag->severity == DIAG_WARNING)
            control_tell_line(reload->control, "warning", text);
    }
    if (record)
        report_keep(record, diags);
}

/* The first that tells of a name: the only errors there are, or warnings. */
static const struct diag *report_first_name(const struct diag_list *diags)
{
    const struct diag *diag;

    STAILQ_FOREACH (diag, &diags->items, next) {
        if (strncmp(diag->message, "host not found", strlen("host not found")) == 0)
            return diag;
    }
    return NULL;
}

bool report_names(struct record *record, const struct diag_list *diags)
{
    const struct diag *diag = report_first_name(diags);
    char text[REPORT_LINE] = "host names have no address";
    bool is_known;

    if (diag)
        diag_format(diag, text, sizeof(text));
    is_known = record->names_trouble && strcmp(record->names_trouble, text) == 0;
    record_set_names_trouble(record, text);
    return is_known;
}

void report_print(const struct diag_list *diags)
{
    const struct diag *diag;
    char text[REPORT_LINE];

    STAILQ_FOREACH (diag, &diags->items, next) {
        diag_format(diag, text, sizeof(text));
        fprintf(stderr, "nsgate: [%s] %s\n", log_level_name(report_levels[diag->severity]), text);
    }
}

/* Nobody may read what a daemon that starts says there. */
void report_start(const struct diag_list *diags, bool is_check)
{
    const struct diag *diag;
    char line[REPORT_LINE];
    int len;

    if (is_check) {
        report_print(diags);
        return;
    }
    STAILQ_FOREACH (diag, &diags->items, next) {
        len = snprintf(line, sizeof(line), "nsgate: [%s] ",
                       log_level_name(report_levels[diag->severity]));
        diag_format(diag, line + len, sizeof(line) - (size_t)len);
        log_print(line);
    }
}
