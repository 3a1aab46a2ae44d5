/* SPDX-License-Identifier: MIT */
/* Lines to files, standard error and syslog, without ever waiting. */
#include "outputs_internal.h"

#include "base/descriptor.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- what is lost ---- */

static void output_lose(struct output *output, uint64_t lines, const char *why)
{
    if (lines == 0)
        return;
    if (output->dropped == 0)
        log_error("access log %s: lines are dropped: %s", output->name, why);
    output->dropped += lines;
    output->outputs->dropped += (uint32_t)lines; /* its room does not hold more */
    output->lost = loop_now(output->outputs->loop);
}

static void output_look(struct output *output)
{
    if (output->dropped == 0 || loop_now(output->outputs->loop) - output->lost < OUTPUT_CALM)
        return;
    log_notice("access log %s: is written again, %llu lines were dropped", output->name,
               (unsigned long long)output->dropped);
    output->dropped = 0;
}

/* ---- bytes that wait ---- */

static struct slice output_waiting(const struct output *output)
{
    return (struct slice){output->bytes + output->start, output->len};
}

/* They are gone, be it out or lost. */
static void output_consume(struct output *output, size_t len)
{
    output->has_begun = len > 0 && output->bytes[output->start + len - 1] != '\n';
    output->start += len;
    output->len -= len;
    if (output->len > 0)
        return;
    free(output->bytes);
    output->bytes = NULL;
    output->start = output->size = 0;
    output->has_begun = false;
}

static bool output_append(struct output *output, struct slice line)
{
    if (output->len + line.len > OUTPUT_ROOM)
        return false;
    if (output->start > 0 && output->start + output->len + line.len > output->size) {
        memmove(output->bytes, output->bytes + output->start, output->len);
        output->start = 0;
    }
    if (output->len + line.len > output->size) {
        output->size = (output->len + line.len) * 2;
        output->bytes = memory_resize(output->bytes, output->size);
    }
    memcpy(output->bytes + output->start + output->len, line.data, line.len);
    output->len += line.len;
    return true;
}

/* The first line of what waits, or what is left of it. */
static size_t output_first(const struct output *output)
{
    struct slice waiting = output_waiting(output);
    const char *end = memchr(waiting.data, '\n', waiting.len);

    return end ? (size_t)(end - waiting.data) + 1 : waiting.len;
}

static uint64_t output_count(struct slice bytes)
{
    uint64_t count = 0;

    for (size_t i = 0; i < bytes.len; i++)
        count += bytes.data[i] == '\n';
    return count;
}

/* All lines that wait are lost, but for the rest of one that has begun, if there may be room for it
 * later: it is to be whole. */
static void output_lose_waiting(struct output *output, bool keeps_begun, const char *why)
{
    size_t kept = keeps_begun && output->has_begun ? output_first(output) : 0;
    struct slice rest = slice_from(output_waiting(output), kept);

    output_lose(output, output_count(rest), why);
    output->len -= rest.len;
    if (output->len == 0)
        output_consume(output, 0);
}

/* ---- writing ---- */

/* Returns how many bytes went out, or -1 with errno. */
static ssize_t output_write(struct output *output)
{
    struct slice waiting = output_waiting(output);
    size_t first;
    int error;

    if (output->kind != LOG_TO_SYSLOG)
        return descriptor_write(output->fd, output->type, waiting.data, waiting.len);
    first = output_first(output);
    error = sender_send(&output->sender, slice_head(waiting, first),
                        (time_t)loop_wall(output->outputs->loop));
    errno = error;
    return error == 0 ? (ssize_t)first : -1;
}

static void output_wait(struct output *output)
{
    int fd = output->kind == LOG_TO_SYSLOG ? output->sender.fd : output->fd;

    ev_io_stop(output->outputs->loop->ev, &output->room);
    if (fd < 0)
        return;
    ev_io_set(&output->room, fd, EV_WRITE);
    ev_io_start(output->outputs->loop->ev, &output->room);
}

/* Returns whether it may go on with what still waits. */
static bool output_on_failure(struct output *output, int error)
{
    switch (error) {
    case EINTR:
        return true;
    case EAGAIN:
        output_wait(output);
        return false;
    case EMSGSIZE: /* of a datagram: the next one may be shorter */
        output_lose(output, 1, error_reason(error));
        output_consume(output, output_first(output));
        return true;
    case EPIPE: /* whoever reads there next has not seen the line's begin */
    case ECONNRESET:
        output_lose_waiting(output, false, error_reason(error));
        return false;
    default:
        output_lose_waiting(output, true, error_reason(error));
        return false;
    }
}

static bool output_is_open(const struct output *output)
{
    return output->is_known && (output->kind == LOG_TO_SYSLOG || output->fd >= 0);
}

static void output_flush(struct output *output)
{
    if (!output_is_open(output))
        return;
    ev_io_stop(output->outputs->loop->ev, &output->room);
    while (output->len > 0) {
        ssize_t done = output_write(output);

        if (done > 0)
            output_consume(output, (size_t)done);
        else if (!output_on_failure(output, done == 0 ? EAGAIN : errno))
            return;
    }
}

static void output_on_room(struct ev_loop *ev, ev_io *watcher, int events)
{
    (void)ev;
    (void)events;
    output_flush(watcher->data);
}

/* ---- which there are ---- */

static struct output *outputs_find(const struct outputs *outputs, uint32_t number)
{
    struct output *output = NULL;

    HASH_FIND(hh, outputs->all, &number, sizeof(number), output);
    return output;
}

static struct output *outputs_make(struct outputs *outputs, uint32_t number)
{
    struct output *output = memory_zeroed(1, sizeof(*output));

    output->outputs = outputs;
    output->number = number;
    output->name = memory_text("of a place not yet known");
    output->fd = output->sender.fd = -1;
    output->since = loop_now(outputs->loop);
    ev_io_init(&output->room, output_on_room, -1, EV_WRITE);
    output->room.data = output;
    HASH_ADD(hh, outputs->all, number, sizeof(output->number), output);
    outputs->unknown++;
    return output;
}

static void output_close_file(struct output *output)
{
    ev_io_stop(output->outputs->loop->ev, &output->room);
    if (output->kind == LOG_TO_FILE)
        descriptor_close(output->fd);
    output->fd = -1;
}

static void output_free(struct outputs *outputs, struct output *output)
{
    output_flush(output);
    output_lose_waiting(output, false, "there is no more time to write them");
    output_close_file(output);
    sender_free(&output->sender);
    outputs->unknown -= !output->is_known;
    HASH_DEL(outputs->all, output);
    free(output->name);
    free(output);
}

static void output_introduce(struct output *output, const struct ipc_log_place *place)
{
    struct slice name = place->identity;

    if (output->is_known)
        return;
    output->is_known = true;
    output->outputs->unknown--;
    output->kind = (enum config_log_kind)place->kind;
    free(output->name);
    output->name = memory_slice_text(
        output->kind == LOG_TO_FILE ? slice_from(name, SLICE("file ").len) : name);
    if (output->kind == LOG_TO_SYSLOG)
        sender_init(&output->sender, place, output->outputs->hostname);
    if (output->kind == LOG_TO_STDERR) {
        output->fd = STDERR_FILENO;
        output->type = descriptor_kind(output->fd);
    }
}

/* What belongs to the file of before goes there, as far as there is room. */
static void output_take(struct output *output, int fd)
{
    output_flush(output);
    if (output->has_begun) {
        output_lose(output, 1, "its file was opened anew");
        output_consume(output, output_first(output));
    }
    output_close_file(output);
    output->fd = fd;
    output->type = descriptor_kind(fd);
}

void outputs_open(struct outputs *outputs, const struct ipc_destination *body, int fd)
{
    struct output *output = outputs_find(outputs, body->number);

    if (!output)
        output = outputs_make(outputs, body->number);
    output_introduce(output, &body->place);
    if (fd >= 0 && output->kind == LOG_TO_FILE)
        output_take(output, fd);
    else
        descriptor_close(fd);
    output_flush(output);
}

void outputs_close(struct outputs *outputs, uint32_t number)
{
    struct output *output = outputs_find(outputs, number);

    if (output)
        output_free(outputs, output);
}

/* ---- lines ---- */

/* A line may come before the message that tells of its place. */
static struct output *outputs_for(struct outputs *outputs, uint32_t number)
{
    struct output *output = outputs_find(outputs, number);

    if (output || outputs->unknown >= OUTPUTS_UNKNOWN)
        return output;
    return outputs_make(outputs, number);
}

void outputs_put(struct outputs *outputs, uint32_t number, struct slice line)
{
    struct output *output = outputs_for(outputs, number);

    if (line.len == 0)
        return;
    if (!output) {
        outputs->homeless++;
        outputs->dropped++;
        return;
    }
    if (output_append(output, line))
        return;
    output_flush(output);
    if (!output_append(output, line))
        output_lose(output, 1,
                    output_is_open(output) ? "they are not taken fast enough"
                                           : "there is nowhere to write them yet");
}

void outputs_flush(struct outputs *outputs)
{
    double now = loop_now(outputs->loop);

    for (struct output *output = outputs->all, *next; output; output = next) {
        next = output->hh.next;
        if (output->len > 0)
            output_flush(output);
        output_look(output);
        if (!output->is_known && now - output->since > OUTPUTS_UNKNOWN_AGE)
            output_free(outputs, output);
    }
    if (outputs->homeless > 0)
        log_error("%llu lines for access logs that are configured no more are dropped",
                  (unsigned long long)outputs->homeless);
    outputs->homeless = 0;
}

void outputs_tell_dropped(struct outputs *outputs)
{
    if (outputs->dropped > 0 && outputs->on_dropped)
        outputs->on_dropped(outputs->owner, outputs->dropped);
    outputs->dropped = 0;
}

/* ---- life ---- */

void outputs_init(struct outputs *outputs, struct loop *loop)
{
    outputs->loop = loop;
    if (gethostname(outputs->hostname, sizeof(outputs->hostname) - 1) < 0)
        outputs->hostname[0] = '\0';
}

void outputs_free(struct outputs *outputs)
{
    while (outputs->all)
        output_free(outputs, outputs->all);
}
