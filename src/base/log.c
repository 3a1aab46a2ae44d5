/* SPDX-License-Identifier: MIT */
/* The error log of this process. */
#include "base/log.h"

#include "base/descriptor.h"
#include "syslog_internal.h"

#include <errno.h>
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
    mode_t kind; /* of what fd is open on, S_IFIFO and so on; 0: not asked yet */
    unsigned long dropped;
    unsigned long told; /* of them, by a line in the log */
    long from_utc;      /* seconds, as of the last line */
    bool is_in_signal;
    char role[32];
} state = {
    .level = LOG_LEVEL_NOTICE, .sink = LOG_SINK_STDERR, .fd = STDERR_FILENO, .role = "nsgate"};

static const char *const level_names[] = {"debug", "info", "notice", "warn", "error"};
static const int syslog_levels[] = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERR};

void log_set_role(const char *role)
{
    snprintf(state.role, sizeof(state.role), "%s", role);
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

enum log_sink log_sink_of(int fd)
{
    if (fd < 0)
        return LOG_SINK_SYSLOG;
    return fd == STDERR_FILENO ? LOG_SINK_STDERR : LOG_SINK_FILE;
}

void log_set_sink(enum log_sink sink, int fd)
{
    if (sink == LOG_SINK_SYSLOG && state.sink != LOG_SINK_SYSLOG)
        syslog_open(SYSLOG_PATH);
    else if (sink != LOG_SINK_SYSLOG && state.sink == LOG_SINK_SYSLOG)
        syslog_close();
    state.sink = sink;
    state.fd = fd;
    state.kind = 0;
}

unsigned long log_dropped(void)
{
    return state.dropped;
}

int log_level_parse(const char *name)
{
    for (int i = 0; i < (int)(sizeof(level_names) / sizeof(*level_names)); i++)
        if (strcmp(name, level_names[i]) == 0)
            return i;
    return -1;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

void log_load_time(void)
{
    struct tm unused;
    log_local_time(&unused);
}

void log_set_in_signal(bool is_in_signal)
{
    state.is_in_signal = is_in_signal;
}

/* From a day to its date: years begin in March here, so that the leap day is a year's last. */
static void set_date(struct tm *parts, long day)
{
    long since = day + 719468; /* of 0000-03-01 */
    long era = since / 146097, of_era = since % 146097;
    long year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    long of_year = of_era - (365 * year + year / 4 - year / 100);
    long month = (5 * of_year + 2) / 153;
    parts->tm_mday = (int)(of_year - (153 * month + 2) / 5 + 1);
    parts->tm_mon = (int)(month < 10 ? month + 2 : month - 10);
    parts->tm_year = (int)(year + era * 400 + (parts->tm_mon < 2) - 1900);
}

void log_local_time(struct tm *parts)
{
    time_t now = time(NULL);
    long shifted = now + state.from_utc;
    if (!state.is_in_signal) {
        localtime_r(&now, parts);
        state.from_utc = parts->tm_gmtoff;
        return;
    }
    *parts = (struct tm){.tm_gmtoff = state.from_utc};
    set_date(parts, shifted / 86400);
    parts->tm_hour = (int)(shifted % 86400 / 3600);
    parts->tm_min = (int)(shifted % 3600 / 60);
    parts->tm_sec = (int)(shifted % 60);
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

/* A reader that has stalled must not stall the gateway. */
static bool put(int fd, mode_t kind, const char *line, size_t len)
{
    return descriptor_write(fd, kind, line, len) == (ssize_t)len;
}

static bool put_to_syslog(enum log_level level, const char *text)
{
    char line[LINE_MAX_BYTES];
    char *start = line + snprintf(line, sizeof(line), "[%s] %s: ", level_names[level], state.role);
    *escape(start, line + sizeof(line), text) = '\0';
    return syslog_send(syslog_levels[level], line);
}

static bool put_to_descriptor(enum log_level level, const char *text)
{
    char line[LINE_MAX_BYTES];
    struct tm local;
    log_local_time(&local);
    size_t used = strftime(line, sizeof(line), "%Y/%m/%d %H:%M:%S", &local);
    used += (size_t)snprintf(line + used, sizeof(line) - used, " [%s] %d %s: ", level_names[level],
                             (int)getpid(), state.role);
    char *stop = escape(line + used, line + sizeof(line) - 1, text); /* room for the line feed */
    *stop++ = '\n';
    if (state.kind == 0)
        state.kind = descriptor_kind(state.fd);
    return put(state.fd, state.kind, line, (size_t)(stop - line));
}

static bool put_line(enum log_level level, const char *text)
{
    bool done =
        state.sink == LOG_SINK_SYSLOG ? put_to_syslog(level, text) : put_to_descriptor(level, text);
    if (!done)
        state.dropped++;
    return done;
}

void log_write(enum log_level level, const char *format, ...)
{
    if (!log_is_enabled(level))
        return;
    int saved = errno;
    char text[LINE_MAX_BYTES];
    va_list arguments;
    if (state.dropped != state.told) {
        unsigned long lost = state.dropped - state.told;
        snprintf(text, sizeof(text), "%lu lines of this process could not be written here", lost);
        if (put_line(LOG_LEVEL_WARN, text))
            state.told += lost;
        else
            state.dropped--; /* it was no line of anybody's */
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    put_line(level, text);
    errno = saved;
}

void log_print(const char *text)
{
    char line[LINE_MAX_BYTES];
    int len = snprintf(line, sizeof(line) - 1, "%s", text);
    if (len >= (int)sizeof(line) - 1)
        len = (int)sizeof(line) - 2;
    line[len++] = '\n';
    if (!put(STDERR_FILENO, descriptor_kind(STDERR_FILENO), line, (size_t)len))
        state.dropped++;
}
