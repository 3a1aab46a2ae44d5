/* SPDX-License-Identifier: MIT */
/* A folder with a main file and tenants' files, one per test. */
#ifndef FILES_TEST_FOLDER_H
#define FILES_TEST_FOLDER_H

#include "files/settings.h"

/* Makes it, with an empty folder tenants/ in it. */
void folder_open(void);
/* Removes it with all that it holds: TestSuite(name, .init = folder_open, .fini = folder_close). */
void folder_close(void);

/* Of a file in it. */
void folder_path(const char *name, char path[128]);
/* Writes that file from a format. */
void folder_write(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What its nsgate.conf says; NULL when that has an error. */
struct settings *folder_settings(struct diag_list *diags);

#endif
