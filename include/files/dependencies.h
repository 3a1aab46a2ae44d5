/* SPDX-License-Identifier: MIT */
/* What a tenant was made from: files by their identity and patterns by what they matched, so that
 * an unchanged tenant is not read again. */
#ifndef FILES_DEPENDENCIES_H
#define FILES_DEPENDENCIES_H

#include "config/tree.h"
#include "ipc/wire.h"

#include <sys/types.h>
#include <time.h>

struct dependency {
    char *path; /* or a pattern of glob(7) */
    bool is_pattern;
    bool is_settled;  /* the file had been still for a while when it was seen */
    uint64_t listing; /* hash of what the pattern matched */
    dev_t device;
    ino_t inode; /* 0: there was no such file */
    off_t size;
    struct timespec modified;
    struct timespec changed;
};

/* Embedded by its owner; zeroed is empty. */
struct dependencies {
    struct dependency *items;
    uint32_t count;
    uint32_t capacity;
};

/* Call before the file is read: a change in between is then seen the next time. */
void dependencies_add_file(struct dependencies *list, const char *path);
void dependencies_free(struct dependencies *list);

/* Whether all is as it was: stat(2) for each, nothing is read. A file that had changed a moment
 * before it was read may have been changed again since, unseen: that is a change. */
bool dependencies_unchanged(const struct dependencies *list, const struct config_loader *loader);
/* The same, but what cannot be seen has not happened. */
bool dependencies_look_the_same(const struct dependencies *list,
                                const struct config_loader *loader);

void dependencies_put(struct wire_writer *writer, const struct dependencies *list);
/* The reader tells whether it has failed; free the list in both cases. */
void dependencies_get(struct wire_reader *reader, struct dependencies *list);

/* A file's text, for -T. */
struct recorder_file {
    STAILQ_ENTRY(recorder_file) next;
    char *path;
    struct slice text;
};

/* What -T prints. */
struct recorder_dump {
    STAILQ_HEAD(, recorder_file) files;
    struct arena arena;
};

void recorder_dump_init(struct recorder_dump *dump);
void recorder_dump_free(struct recorder_dump *dump);

/* A loader of real files that notes what it was asked for. Both lists may be NULL. */
struct recorder {
    struct config_loader loader;
    struct dependencies *dependencies;
    struct recorder_dump *dump;
};

void recorder_init(struct recorder *recorder, struct dependencies *dependencies,
                   struct recorder_dump *dump);

#endif
