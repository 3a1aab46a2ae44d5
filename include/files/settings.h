/* SPDX-License-Identifier: MIT */
/* The main file as read: its tree and its model, which live and go together. */
#ifndef FILES_SETTINGS_H
#define FILES_SETTINGS_H

#include "config/model.h"
#include "ipc/cage.h"
#include "ipc/wire.h"

#define SETTING_TEXT 2048 /* bytes of why a setting cannot be taken over */

struct settings {
    struct config_tree tree;
    struct config_main model;
    struct cage_identity identity; /* of `user`, looked up */
    struct wire_writer tenancy;    /* what every tenant inherits, as an encoded bundle */
};

/* Reads and checks the main file. NULL when it has an error; all are in diags. */
struct settings *settings_read(const char *path, const struct config_loader *loader,
                               struct diag_list *diags);
/* The same main file again, in another process and whatever stands in the file by now: bytes are
 * what settings_put wrote, identity is who `user` was. */
struct settings *settings_get(const char *path, struct slice bytes,
                              const struct cage_identity *identity, struct diag_list *diags);
void settings_put(struct wire_writer *writer, const struct settings *settings);
/* The `pid` of the main file, also of one that has errors, as long as it names one. The caller
 * frees it; NULL: nothing is known. */
char *settings_pid_file(const char *path, const struct config_loader *loader,
                        struct diag_list *diags);
void settings_free(struct settings *settings);

/* Whether `defaults` and the folder, which all tenants are built with, say the same. */
bool settings_same_tenancy(const struct settings *a, const struct settings *b);

/* Workers to start: worker_processes, or one per core, at most what the tally has room for. */
unsigned settings_workers(const struct settings *settings);

#endif
