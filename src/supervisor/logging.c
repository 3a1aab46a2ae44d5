/* SPDX-License-Identifier: MIT */
/* The error log's place: opened by the supervisor, handed to all children. */
#include "supervisor_internal.h"

#include "base/descriptor.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void logging_close(int fd)
{
    if (fd > STDERR_FILENO)
        close(fd);
}

/* fd: standard error, -1 for syslog, or a file that becomes ours. */
static void logging_take(const struct logging *logging, int fd)
{
    int before = logging->children->log_fd;

    log_set_level(logging->settings->model.log_level);
    log_set_sink(log_sink_of(fd), fd);
    if (before != fd)
        logging_close(before);
    children_set_log(logging->children, fd);
}

static void logging_describe(const struct settings *settings, const char *why,
                             char text[SETTING_TEXT])
{
    snprintf(text, SETTING_TEXT, "cannot open the error log %.*s: %s; the log stays where it is",
             SLICE_PRINTF(settings->model.log_file), why ? why : "");
}

/* ---- following the settings ---- */

/* error: NULL when the log is what the settings say. */
static void logging_finish(struct logging *logging, const char *error)
{
    if (error)
        log_error("%s", error);
    else if (logging->is_reopening)
        log_notice("logs opened anew");
    logging->is_reopening = false;
    logging->on_done(logging->owner, error);
    hold_set(&logging->hold, 0);
}

static void logging_on_opened(struct log_file *file, int fd, const char *why)
{
    struct logging *logging = file->owner;
    char text[SETTING_TEXT];

    if (logging->is_wanted) { /* the settings may have changed meanwhile */
        descriptor_close(fd);
        logging->is_wanted = false;
        logging_follow(logging, logging->settings, false);
        return;
    }
    logging_describe(logging->settings, why, text);
    logging_take(logging, fd >= 0 ? fd : logging->children->log_fd);
    logging_finish(logging, fd >= 0 ? NULL : text);
}

void logging_follow(struct logging *logging, const struct settings *settings, bool is_reopening)
{
    const struct config_main *model = &settings->model;
    char *path;

    logging->settings = settings;
    logging->is_reopening = logging->is_reopening || is_reopening;
    if (log_file_is_busy(&logging->file)) {
        logging->is_wanted = true;
    } else if (model->log_sink != LOG_SINK_FILE) {
        logging_take(logging, model->log_sink == LOG_SINK_SYSLOG ? -1 : STDERR_FILENO);
        logging_finish(logging, NULL);
    } else {
        path = memory_slice_text(model->log_file);
        hold_set(&logging->hold, PENDING_RELOAD | PENDING_UPGRADE);
        log_file_begin(&logging->file, path);
        free(path);
    }
}

static void logging_describe_hold(const struct hold *hold, char text[PENDING_TEXT])
{
    (void)hold;
    snprintf(text, PENDING_TEXT, "the log that is being opened");
}

/* ---- at the start ---- */

int logging_open(const char *program, const struct settings *settings, bool make, int *fd,
                 char text[SETTING_TEXT])
{
    const char *why = NULL;
    int result;
    char *path;

    *fd = settings->model.log_sink == LOG_SINK_SYSLOG ? -1 : STDERR_FILENO;
    if (settings->model.log_sink != LOG_SINK_FILE)
        return 0;
    path = memory_slice_text(settings->model.log_file);
    result = log_file_open(program, path, make, fd, &why);
    if (result < 0)
        logging_describe(settings, why, text);
    free(path);
    return result;
}

void logging_start(struct logging *logging, const struct settings *settings)
{
    char text[SETTING_TEXT];
    int fd;

    logging->settings = settings;
    if (logging_open(logging->children->program, settings, true, &fd, text) == 0) {
        logging_take(logging, fd);
    } else {
        log_set_level(settings->model.log_level);
        log_error("%s", text);
    }
}

void logging_init(struct logging *logging, struct children *children,
                  void (*on_done)(void *owner, const char *error), void *owner)
{
    *logging = (struct logging){.children = children, .on_done = on_done, .owner = owner};
    log_file_init(&logging->file, children->loop, children->program, logging_on_opened, logging);
    hold_init(&logging->hold, children->loop, logging_describe_hold);
}

void logging_free(struct logging *logging)
{
    log_file_free(&logging->file);
    hold_set(&logging->hold, 0);
}
