/* SPDX-License-Identifier: MIT */
/* Which tenant files there are, as the main file's `tenants` patterns say. */
#ifndef FILES_TENANT_FILES_H
#define FILES_TENANT_FILES_H

#include "files/settings.h"

struct tenant_file {
    char *path;
    struct slice name; /* of the tenant: the file's, without .conf; not yet checked */
};

/* Embedded by its owner. */
struct tenant_files {
    struct arena arena;
    struct tenant_file *items; /* pattern after pattern, each sorted */
    size_t count;
};

/* Expands the patterns. Returns 0, or -1 with errors in diags; free it in both cases. config: the
 * main file, for the places of diags. */
int tenant_files_find(struct tenant_files *files, const struct settings *settings,
                      const char *config, const struct config_loader *loader,
                      struct diag_list *diags);
void tenant_files_free(struct tenant_files *files);

#endif
