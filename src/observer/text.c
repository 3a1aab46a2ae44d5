/* SPDX-License-Identifier: MIT */
/* Bytes that live as long as one answer needs them. */
#include "text_internal.h"

#include "base/memory.h"

struct text *text_new(struct slice bytes)
{
    struct text *text = memory_zeroed(1, sizeof(*text));

    text->references = 1;
    text->bytes = bytes;
    return text;
}

struct text *text_copy(struct slice bytes)
{
    return text_new((struct slice){memory_slice_text(bytes), bytes.len});
}

struct text *text_ref(struct text *text)
{
    text->references++;
    return text;
}

void text_unref(struct text *text)
{
    if (!text || --text->references > 0)
        return;
    free((char *)text->bytes.data);
    free(text);
}
