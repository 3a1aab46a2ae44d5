/* SPDX-License-Identifier: MIT */
/* What is wrong with a configuration, where: a list that grows while checking goes on. */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "base/arena.h"

#include <sys/queue.h>

enum diag_severity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTICE };

/* A place in a file. line and column count from 1, columns in bytes; line 0: the whole file. */
struct diag_place {
    const char *file; /* as the operator would name it; owned by whoever made the place */
    uint32_t line;
    uint32_t column;
};

struct diag {
    STAILQ_ENTRY(diag) next;
    enum diag_severity severity;
    struct diag_place place; /* file is owned by the list */
    const char *message;
};

/* Embedded by its owner. */
struct diag_list {
    STAILQ_HEAD(, diag) items; /* in the order in which they were found */
    struct arena arena;
    unsigned errors;
    unsigned warnings;
    bool errors_only; /* set by its owner: nothing else is added, and need not be looked for */
};

void diag_list_init(struct diag_list *list);
void diag_list_free(struct diag_list *list);

/* Adds one; place.file and the text are copied. */
void diag_add(struct diag_list *list, enum diag_severity severity, struct diag_place place,
              const char *format, ...) __attribute__((format(printf, 4, 5)));

#define diag_error(list, place, ...)   diag_add(list, DIAG_ERROR, place, __VA_ARGS__)
#define diag_warning(list, place, ...) diag_add(list, DIAG_WARNING, place, __VA_ARGS__)
#define diag_notice(list, place, ...)  diag_add(list, DIAG_NOTICE, place, __VA_ARGS__)

/* `FILE:LINE:COLUMN: message`, without the severity; NUL-terminated, at most size bytes. */
void diag_format(const struct diag *diag, char *text, size_t size);

#endif
