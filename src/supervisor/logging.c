/* SPDX-License-Identifier: MIT */
/* The error log's place: opened by the supervisor, handed to all children. */
#include "supervisor_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int logging_open_file(const struct settings *settings)
{
    struct arena arena;
    char *path;
    int fd;

    arena_init(&arena, 512);
    path = arena_text(&arena, settings->model.log_file);
    /* O_NONBLOCK: a FIFO without a reader must not hang us. */
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd < 0)
        log_error("cannot open the error log %s: %s", path, strerror(errno));
    arena_free(&arena);
    return fd;
}

enum log_sink logging_sink(int fd)
{
    if (fd < 0)
        return LOG_SINK_SYSLOG;
    return fd == STDERR_FILENO ? LOG_SINK_STDERR : LOG_SINK_FILE;
}

void logging_close(int fd)
{
    if (fd > STDERR_FILENO)
        close(fd);
}

int logging_open(const struct settings *settings, int *fd)
{
    int opened = STDERR_FILENO;

    log_set_level(settings->model.log_level);
    if (settings->model.log_sink == LOG_SINK_SYSLOG)
        opened = -1;
    else if (settings->model.log_sink == LOG_SINK_FILE)
        opened = logging_open_file(settings);
    if (opened < 0 && settings->model.log_sink == LOG_SINK_FILE)
        return -1;
    log_set_sink(settings->model.log_sink, opened);
    if (*fd != opened)
        logging_close(*fd);
    *fd = opened;
    return 0;
}

static void logging_tell(const struct supervisor *supervisor, struct child *child)
{
    struct wire_writer body;

    if (!child_is_up(child))
        return;
    wire_writer_init(&body);
    wire_put_u32(&body, (uint32_t)supervisor->settings->model.log_level);
    wire_put_u8(&body, (uint8_t)logging_sink(supervisor->log_fd));
    ipc_send(child->channel, IPC_LOG, &body, &supervisor->log_fd, supervisor->log_fd >= 0 ? 1 : 0,
             NULL);
    wire_writer_free(&body);
}

void logging_tell_all(struct supervisor *supervisor)
{
    struct child *worker;

    logging_tell(supervisor, &supervisor->resolver);
    for (worker = generation_first(supervisor); worker;
         worker = generation_next(supervisor, worker))
        logging_tell(supervisor, worker);
}
