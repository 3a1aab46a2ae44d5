/* SPDX-License-Identifier: MIT */
/* Counts brackets outside of strings: where an object ends is all that it knows. */
#include "json_split_internal.h"

#include "base/memory.h"

#include <stdlib.h>

#define FIRST_ROOM 1024

void json_split_init(struct json_split *split, size_t limit)
{
    *split = (struct json_split){.limit = limit};
}

void json_split_reset(struct json_split *split)
{
    split->len = 0;
    split->depth = 0;
    split->in_string = false;
    split->is_escaped = false;
}

void json_split_free(struct json_split *split)
{
    free(split->object);
    json_split_init(split, split->limit);
}

static void keep(struct json_split *split, struct slice bytes)
{
    size_t room = split->room ? split->room : FIRST_ROOM;

    while (room < split->len + bytes.len)
        room *= 2;
    if (room != split->room)
        split->object = memory_resize(split->object, room);
    split->room = room;
    memcpy(split->object + split->len, bytes.data, bytes.len);
    split->len += bytes.len;
}

/* One byte of an object. Returns 1 when it was the last. */
static int step(struct json_split *split, char c)
{
    if (split->in_string) {
        if (split->is_escaped)
            split->is_escaped = false;
        else if (c == '\\')
            split->is_escaped = true;
        else if (c == '"')
            split->in_string = false;
    } else if (c == '"') {
        split->in_string = true;
    } else if (c == '{' || c == '[') {
        if (++split->depth > JSON_DEPTH)
            return ERROR_RESPONSE;
    } else if (c == '}' || c == ']') {
        return --split->depth == 0;
    }
    return 0;
}

/* The part of the run that belongs to this object; *verdict is 1 when it ends there. */
static size_t scan(struct json_split *split, struct slice run, int *verdict)
{
    size_t at = 0;

    *verdict = 0;
    while (at < run.len && *verdict == 0)
        *verdict = step(split, run.data[at++]);
    return at;
}

/* Drops white space in front of an object. Returns false when another byte than '{' follows. */
static bool skip_to_object(struct chain *in)
{
    while (in->len > 0) {
        struct slice run = chain_first(in);
        size_t spaces = slice_span(run, " \t\n\r");

        if (spaces < run.len && run.data[spaces] != '{')
            return false;
        chain_consume(in, spaces);
        if (spaces < run.len)
            return true;
    }
    return true;
}

int json_split_next(struct json_split *split, struct chain *in, struct slice *object)
{
    int verdict = 0;

    if (split->depth == 0) {
        split->len = 0;
        if (!skip_to_object(in))
            return ERROR_RESPONSE;
    }
    while (in->len > 0 && verdict == 0) {
        struct slice run = chain_first(in);
        size_t taken = scan(split, run, &verdict);

        if (split->len + taken > split->limit)
            return ERROR_RESPONSE_TOO_LARGE;
        keep(split, slice_head(run, taken));
        chain_consume(in, taken);
    }
    *object = (struct slice){split->object, split->len};
    return verdict;
}
