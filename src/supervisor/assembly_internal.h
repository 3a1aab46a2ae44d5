/* SPDX-License-Identifier: MIT */
/* From a tenant's file to its plan and its unexamined bundle. */
#ifndef SUPERVISOR_ASSEMBLY_INTERNAL_H
#define SUPERVISOR_ASSEMBLY_INTERNAL_H

#include "record_internal.h"
#include "settings_internal.h"

/* Embedded by its owner; lives only while one file is read. */
struct assembly {
    const struct settings *settings;
    struct slice name;
    struct config_tree tree;
    struct config_tenant model;
    struct dependencies dependencies;
    const struct ipc_blob
        *known; /* an examined bundle of it, for the addresses of its host names; NULL */
    struct diag_list diags; /* everything that is wrong, in order */
};

/* Parses and checks the tenant's file. Errors are in diags; go on only when there are none.
 * dump may be NULL. */
void assembly_open(struct assembly *assembly, const struct settings *settings, struct slice name,
                   const char *file, struct recorder_dump *dump);

/* Reads the files that it names and fills the plan, which the caller frees. Returns 0, or
 * ERROR_CONFIG with errors in diags and an empty plan. */
int assembly_plan(struct assembly *assembly, struct plan *plan);

void assembly_close(struct assembly *assembly);

#endif
