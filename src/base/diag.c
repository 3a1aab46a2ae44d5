/* SPDX-License-Identifier: MIT */
/* The list of what is wrong with a configuration. */
#include "base/diag.h"

#include <stdio.h>

#define DIAG_BLOCK 512

void diag_list_init(struct diag_list *list)
{
    STAILQ_INIT(&list->items);
    arena_init(&list->arena, DIAG_BLOCK);
    list->errors = 0;
    list->warnings = 0;
    list->errors_only = false;
}

void diag_list_free(struct diag_list *list)
{
    arena_free(&list->arena);
    STAILQ_INIT(&list->items);
}

void diag_add(struct diag_list *list, enum diag_severity severity, struct diag_place place,
              const char *format, ...)
{
    char text[2048];
    va_list arguments;
    if (list->errors_only && severity != DIAG_ERROR)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);

    struct diag *diag = ARENA_NEW(&list->arena, struct diag);
    diag->severity = severity;
    diag->place = place;
    diag->place.file = place.file ? arena_text(&list->arena, slice_of(place.file)) : NULL;
    diag->message = arena_text(&list->arena, slice_of(text));
    STAILQ_INSERT_TAIL(&list->items, diag, next);
    list->errors += severity == DIAG_ERROR;
    list->warnings += severity == DIAG_WARNING;
}

void diag_format(const struct diag *diag, char *text, size_t size)
{
    const struct diag_place *place = &diag->place;
    if (!place->file)
        snprintf(text, size, "%s", diag->message);
    else if (place->line == 0)
        snprintf(text, size, "%s: %s", place->file, diag->message);
    else
        snprintf(text, size, "%s:%u:%u: %s", place->file, place->line, place->column,
                 diag->message);
}
