/* SPDX-License-Identifier: MIT */
/* The error log of this process. */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

/* The one global that changes: a process has one log, and everything may write to it. */
static struct {
    enum log_level level;
    enum log_sink sink;
    int fd;
    unsigned long dropped;
    char role[32];
} state = {
    .level = LOG_LEVEL_NOTICE, .sink = LOG_SINK_STDERR, .fd = STDERR_FILENO, .role = "nsgate"};

static const char *const level_names[] = {"debug", "info", "notice", "warn", "error"};
static const int syslog_levels[] = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERR};

void log_set_role(const char *role)
{
    snprintf(state.role, sizeof state.role, "%s", role);
}

void log_set_level(enum log_level level)
{
    state.level = level;
}

enum log_level log_get_level(void)
{
    return state.level;
}

bool log_is_enabled(enum log_level level)
{
    return level >= state.level;
}

void log_set_sink(enum log_sink sink, int fd)
{
    if (sink == LOG_SINK_SYSLOG && state.sink != LOG_SINK_SYSLOG)
        openlog("nsgate", LOG_PID | LOG_NDELAY, LOG_DAEMON);
    else if (sink != LOG_SINK_SYSLOG && state.sink == LOG_SINK_SYSLOG)
        closelog();
    state.sink = sink;
    state.fd = fd;
}

unsigned long log_dropped(void)
{
    return state.dropped;
}

int log_level_parse(const char *name)
{
    for (int i = 0; i < (int)(sizeof level_names / sizeof *level_names); i++)
        if (strcmp(name, level_names[i]) == 0)
            return i;
    return -1;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

/* Copies text with control bytes made visible. Returns the end. */
static char *escape(char *to, const char *end, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (; *text && to + 4 < end; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte >= 0x20 && byte != 0x7f) {
            *to++ = (char)byte;
            continue;
        }
        *to++ = '\\';
        *to++ = 'x';
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
    return to;
}

/* A reader of a pipe or terminal that has stalled must not stall the gateway. The descriptor is
 * shared with other processes, so it cannot be made non-blocking: ask first, once per line. */
static void put(const char *line, size_t len)
{
    struct pollfd ready = {.fd = state.fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT) ||
        write(state.fd, line, len) != (ssize_t)len)
        state.dropped++;
}

void log_write(enum log_level level, const char *format, ...)
{
    if (!log_is_enabled(level))
        return;
    int saved = errno;
    char text[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    char line[LINE_MAX_BYTES];
    char *end = line + sizeof line - 1; /* room for the line feed */
    if (state.sink == LOG_SINK_SYSLOG) {
        *escape(line, end, text) = '\0';
        syslog(syslog_levels[level], "[%s] %s: %s", level_names[level], state.role, line);
    } else {
        time_t now = time(NULL);
        struct tm local;
        localtime_r(&now, &local);
        size_t used = strftime(line, sizeof line, "%Y/%m/%d %H:%M:%S", &local);
        used += (size_t)snprintf(line + used, sizeof line - used,
                                 " [%s] %d %s: ", level_names[level], (int)getpid(), state.role);
        char *stop = escape(line + used, end, text);
        *stop++ = '\n';
        put(line, (size_t)(stop - line));
    }
    errno = saved;
}
