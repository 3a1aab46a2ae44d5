/* SPDX-License-Identifier: MIT */
/* The texts of templates: each variable is asked for once, then everything is joined. */
#include "dispatch_internal.h"

/* More parts than this are put on the arena, not on the stack. */
#define PARTS_ON_STACK 16

struct slice variables_evaluate(struct dispatch *dispatch, const struct config_template *template)
{
    struct arena *arena = &dispatch->exchange->arena;
    if (template->count == 0)
        return (struct slice){0};
    if (template->count == 1)
        return variable_value(dispatch, &template->parts[0]);
    struct slice few[PARTS_ON_STACK];
    struct slice *values = template->count <= PARTS_ON_STACK
                               ? few
                               : arena_alloc(arena, template->count * sizeof(*values));
    size_t len = 0;
    for (uint32_t i = 0; i < template->count; i++) {
        values[i] = variable_value(dispatch, &template->parts[i]);
        len += values[i].len;
    }
    char *text = arena_alloc(arena, len);
    char *at = text;
    for (uint32_t i = 0; i < template->count; i++) {
        if (values[i].len > 0)
            memcpy(at, values[i].data, values[i].len);
        at += values[i].len;
    }
    return (struct slice){text, len};
}

struct slice variables_field_value(struct dispatch *dispatch,
                                   const struct config_template *template)
{
    struct slice value = slice_trim(variables_evaluate(dispatch, template));
    if (value.len == 0 || http_is_field_value(value))
        return value;
    /* RFC 9110 section 5.5: replaced by SP, so that no value begins a line of its own. */
    char *text = arena_alloc(&dispatch->exchange->arena, value.len);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        text[i] = (c < 0x20 && c != '\t') || c == 0x7f ? ' ' : (char)c;
    }
    return slice_trim((struct slice){text, value.len});
}
