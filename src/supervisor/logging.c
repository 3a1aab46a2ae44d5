/* SPDX-License-Identifier: MIT */
/* The error log's place: opened by the supervisor, handed to all children. */
#include "supervisor_internal.h"

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
static void logging_take(struct supervisor *supervisor, int fd)
{
    int before = supervisor->children.log_fd;

    log_set_level(supervisor->settings->model.log_level);
    log_set_sink(log_sink_of(fd), fd);
    if (before != fd)
        logging_close(before);
    children_set_log(&supervisor->children, fd);
}

static void logging_describe(const struct settings *settings, const char *why,
                             char text[SETTING_TEXT])
{
    snprintf(text, SETTING_TEXT, "cannot open the error log %.*s: %s; the log stays where it is",
             SLICE_PRINTF(settings->model.log_file), why ? why : "");
}

/* ---- following the settings ---- */

/* error: NULL when the log is what the settings say. */
static void logging_finish(struct supervisor *supervisor, const char *error)
{
    if (error)
        log_error("%s", error);
    else if (supervisor->logging.is_reopening)
        log_notice("logs opened anew");
    supervisor->logging.is_reopening = false;
    control_tell_reopened(&supervisor->control, error);
    if (error)
        reload_keep_setting(&supervisor->reload, error);
    hold_set(&supervisor->logging.hold, 0);
}

static void logging_on_opened(struct log_file *file, int fd, const char *why)
{
    struct supervisor *supervisor = file->owner;
    char text[SETTING_TEXT];

    if (supervisor->logging.is_wanted) { /* the settings may have changed meanwhile */
        if (fd >= 0)
            close(fd);
        supervisor->logging.is_wanted = false;
        logging_follow(supervisor, false);
        return;
    }
    logging_describe(supervisor->settings, why, text);
    logging_take(supervisor, fd >= 0 ? fd : supervisor->children.log_fd);
    logging_finish(supervisor, fd >= 0 ? NULL : text);
}

void logging_follow(struct supervisor *supervisor, bool is_reopening)
{
    const struct config_main *model = &supervisor->settings->model;
    struct logging *logging = &supervisor->logging;
    char *path;

    logging->is_reopening = logging->is_reopening || is_reopening;
    if (log_file_is_busy(&logging->file)) {
        logging->is_wanted = true;
    } else if (model->log_sink != LOG_SINK_FILE) {
        logging_take(supervisor, model->log_sink == LOG_SINK_SYSLOG ? -1 : STDERR_FILENO);
        logging_finish(supervisor, NULL);
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

int logging_try(const struct supervisor *supervisor, bool make, int *fd, char text[SETTING_TEXT])
{
    const struct settings *settings = supervisor->settings;
    const char *why = NULL;
    int result;
    char *path;

    *fd = settings->model.log_sink == LOG_SINK_SYSLOG ? -1 : STDERR_FILENO;
    if (settings->model.log_sink != LOG_SINK_FILE)
        return 0;
    path = memory_slice_text(settings->model.log_file);
    result = log_file_open(supervisor->program, path, make, fd, &why);
    if (result < 0)
        logging_describe(settings, why, text);
    free(path);
    return result;
}

void logging_start(struct supervisor *supervisor)
{
    char text[SETTING_TEXT];
    int fd;

    if (logging_try(supervisor, true, &fd, text) == 0) {
        logging_take(supervisor, fd);
    } else {
        log_set_level(supervisor->settings->model.log_level);
        log_error("%s", text);
    }
}

void logging_init(struct supervisor *supervisor)
{
    log_file_init(&supervisor->logging.file, &supervisor->loop, supervisor->program,
                  logging_on_opened, supervisor);
    hold_init(&supervisor->logging.hold, &supervisor->loop, logging_describe_hold);
}

void logging_free(struct supervisor *supervisor)
{
    log_file_free(&supervisor->logging.file);
    hold_set(&supervisor->logging.hold, 0);
}
