/* SPDX-License-Identifier: MIT */
/* Telling the operator what is wrong with a configuration: in the log, or on stderr under -t. */
#ifndef RELOAD_REPORT_H
#define RELOAD_REPORT_H

#include "reload/reload.h"

/* What is wrong with a tenant (NULL: the main file). An error becomes the tenant's last one; who
 * asked for the reload is told of warnings. */
void report_diags(const struct reload *reload, struct record *record,
                  const struct diag_list *diags);
void report_text(const struct reload *reload, struct record *record, enum diag_severity severity,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Host names without addresses: keeps the first as the record's trouble. Whether that is known. */
bool report_names(struct record *record, const struct diag_list *diags);
/* As `nsgate -t` prints them. */
void report_print(const struct diag_list *diags);
/* The same at a start, which waits for nobody to read it; is_check: somebody does. */
void report_start(const struct diag_list *diags, bool is_check);

#endif
