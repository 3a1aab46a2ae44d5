/* SPDX-License-Identifier: MIT */
/* Reads the lines of a status, and keeps it as JSON. */
#include "status_internal.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/memory.h"

#include <stdio.h>

#define READ_MOST (64 * 1024) /* bytes of one read */
#define LINE_MAX  (64 * 1024) /* of one line, a tenant's with all that is wrong with it */

/* ---- the end ---- */

static void status_keep(struct status *status, json_t *gateway)
{
    const char *state = json_string_value(json_object_get(gateway, "state"));
    char *bytes = json_dumps(gateway, JSON_INDENT(2));
    size_t len = bytes ? strlen(bytes) : 0;

    if (!bytes)
        return;
    bytes = memory_resize(bytes, len + 2);
    memcpy(bytes + len, "\n", 2);
    status->json = text_new((struct slice){bytes, len + 1});
    snprintf(status->state, sizeof(status->state), "%s", state ? state : "");
}

/* is_whole: all lines have come. */
static void status_end(struct status *status, bool is_whole)
{
    json_t *gateway = answer_status_end(&status->whole);

    text_unref(status->json);
    status->json = NULL;
    status->state[0] = '\0';
    if (is_whole && gateway)
        status_keep(status, gateway);
    json_decref(gateway);
    stream_close(status->stream);
    status->stream = NULL;
    chain_clear(&status->in);
    deadline_stop(&status->limit);
    status->len = 0;
    status->is_asking = false;
    status->told = loop_now(status->loop);
    status->on_done(status);
}

static void status_on_limit(struct deadline *limit)
{
    status_end(CONTAINER_OF(limit, struct status, limit), false);
}

/* ---- lines ---- */

static void status_append(struct status *status, struct slice bytes)
{
    if (status->capacity - status->len < bytes.len + 1) {
        status->capacity = (status->capacity + bytes.len + 1) * 2;
        status->line = memory_resize(status->line, status->capacity);
    }
    memcpy(status->line + status->len, bytes.data, bytes.len);
    status->len += bytes.len;
    status->line[status->len] = '\0';
}

/* Returns whether it was the last one. */
static bool status_take_line(struct status *status)
{
    struct answer answer;

    answer_cut(&answer, status->line);
    answer_status_take(&status->whole, &answer);
    status->len = 0;
    return answer_is(&answer, "end", 2);
}

/* Returns 1 at the end, 0 when more must come, -1 when it is not understood. */
static int status_take(struct status *status)
{
    while (status->in.len > 0) {
        struct slice first = chain_first(&status->in);
        const char *end = memchr(first.data, '\n', first.len);
        size_t len = end ? (size_t)(end - first.data) : first.len;

        if (status->len + len > LINE_MAX)
            return -1;
        status_append(status, slice_head(first, len));
        chain_consume(&status->in, end ? len + 1 : len);
        if (end && status_take_line(status))
            return 1;
    }
    return 0;
}

static void status_on_readable(void *owner)
{
    struct status *status = owner;
    long count = stream_read(status->stream, &status->in, READ_MOST);
    int result = count < 0 ? -1 : status_take(status);

    if (result != 0)
        status_end(status, result > 0);
}

static void status_on_writable(void *owner)
{
    (void)owner; /* nothing is written */
}

static void status_on_failed(void *owner, enum error error)
{
    (void)error;
    status_end(owner, false);
}

static const struct stream_events status_events = {.on_readable = status_on_readable,
                                                   .on_writable = status_on_writable,
                                                   .on_failed = status_on_failed};

/* ---- asking ---- */

bool status_is_there(struct status *status)
{
    if (!status->is_asking && status->told > 0. &&
        loop_now(status->loop) - status->told < STATUS_AGE)
        return true;
    if (status->is_asking)
        return false;
    status->is_asking = true;
    answer_status_init(&status->whole);
    deadline_set(&status->limit, STATUS_LIMIT);
    status->ask(status->owner);
    return false;
}

void status_on_connection(struct status *status, int fd)
{
    if (!status->is_asking || status->stream) /* it has been given up */
        descriptor_close(fd);
    else if (fd < 0)
        status_end(status, false);
    else
        status->stream = stream_new(status->loop, fd, &status_events, status);
}

void status_init(struct status *status, struct loop *loop)
{
    status->loop = loop;
    chain_init(&status->in, &loop->buffers);
    deadline_init(&status->limit, loop, status_on_limit);
}

void status_free(struct status *status)
{
    if (status->is_asking)
        json_decref(answer_status_end(&status->whole));
    stream_close(status->stream);
    chain_clear(&status->in);
    deadline_stop(&status->limit);
    text_unref(status->json);
    free(status->line);
}
