/* SPDX-License-Identifier: MIT */
/* One look at the running gateway: the status is asked for, and read as it comes. */
#include "sample_internal.h"

#include "supervisor/supervisor.h"

#include "base/descriptor.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SAMPLE_PIECE 65536 /* bytes of one read */

void sample_init(struct sample *sample)
{
    *sample = (struct sample){.fd = -1};
}

void sample_end(struct sample *sample)
{
    if (sample->fd < 0)
        return;
    sample->fd = descriptor_close(sample->fd);
    json_decref(answer_status_end(&sample->whole));
    free(sample->bytes);
    sample_init(sample);
}

int sample_ask(struct sample *sample, const struct command *command)
{
    static const char request[] = "status\n";
    int fd = supervisor_connect(command->config, command->socket);

    if (fd < 0)
        return -1;
    if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return descriptor_close(fd);
    sample->fd = fd;
    answer_status_init(&sample->whole);
    return 0;
}

/* Takes the lines that have come. Returns whether the last one has. */
static bool sample_take(struct sample *sample)
{
    char *line = sample->bytes, *end;
    bool has_ended = false;

    while (!has_ended && (end = memchr(line, '\n', sample->len - (size_t)(line - sample->bytes)))) {
        struct answer answer;

        *end = '\0';
        answer_cut(&answer, line);
        answer_status_take(&sample->whole, &answer);
        has_ended = answer_is(&answer, "end", 2);
        line = end + 1;
    }
    sample->len -= (size_t)(line - sample->bytes);
    memmove(sample->bytes, line, sample->len);
    return has_ended;
}

int sample_read(struct sample *sample, json_t **gateway)
{
    ssize_t count;

    if (sample->capacity - sample->len < SAMPLE_PIECE) {
        sample->capacity = (sample->capacity + SAMPLE_PIECE) * 2;
        sample->bytes = memory_resize(sample->bytes, sample->capacity);
    }
    count = read(sample->fd, sample->bytes + sample->len, sample->capacity - sample->len);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (count <= 0) {
        sample_end(sample);
        return -1;
    }
    sample->len += (size_t)count;
    if (!sample_take(sample))
        return 1;
    *gateway = answer_status_end(&sample->whole);
    answer_status_init(&sample->whole); /* for the end */
    sample_end(sample);
    return *gateway ? 0 : -1;
}
