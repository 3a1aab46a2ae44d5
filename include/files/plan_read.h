/* SPDX-License-Identifier: MIT */
/* From a tenant's file to its plan, whose bundle nobody has examined yet. */
#ifndef FILES_PLAN_READ_H
#define FILES_PLAN_READ_H

#include "files/plan.h"
#include "files/settings.h"

/* What is read, all of it the caller's. */
struct plan_source {
    const struct settings *settings;
    struct slice name; /* the tenant's */
    const char *file;
    /* An examined bundle of it, for the addresses of its host names; NULL. */
    const struct ipc_blob *known;
    struct recorder_dump *dump; /* NULL */
    /* -t: whether the files of its access logs could be opened is asked, by this program's role
     * (logs/log_file.h); NULL: it is not. */
    const char *opener;
};

/* Parses and checks the tenant's file and reads the files that it names. Returns 0 with the plan,
 * which the caller frees; or ERROR_CONFIG with an empty one. diags, empty before, has everything
 * that is wrong, in order. */
int plan_read(struct plan *plan, const struct plan_source *source, struct diag_list *diags);

#endif
