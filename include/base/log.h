/* SPDX-License-Identifier: MIT */
/* The error log: one per process, the only global that changes. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

/* As nginx's error_log has them. */
enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR
};

enum log_sink { LOG_SINK_STDERR, LOG_SINK_FILE, LOG_SINK_SYSLOG };

/* role: the word behind the pid in each line ("supervisor", "worker 1"); copied. */
void log_set_role(const char *role);

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
bool log_is_enabled(enum log_level level);

/* Where lines go. fd is used for STDERR and FILE, stays the caller's, and must outlive its use;
 * it is never blocked on: a line that does not fit at once is dropped and counted. */
void log_set_sink(enum log_sink sink, int fd);
/* What a descriptor stands for: standard error, a file, -1 for syslog. */
enum log_sink log_sink_of(int fd);

/* Reads the system's time zone now, so that no line opens a file later. */
void log_load_time(void);
/* In a signal handler lines are written without taking a lock of the C library, whose time zone may
 * just be being read; the hour is as far from UTC as it was in the line before. */
void log_set_in_signal(bool is_in_signal);

/* Lines that could not be written since the start. The next one that can tells how many they were.
 */
unsigned long log_dropped(void);

/* The level of a name ("notice"); -1 for an unknown one. */
int log_level_parse(const char *name);
const char *log_level_name(enum log_level level);

/* One line: `2026/11/23 18:03:18 [notice] PID ROLE: TEXT`; control bytes in TEXT are written as
 * \xHH, so that a peer cannot forge lines. At most 4096 bytes. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text and a line feed, as they are, on standard error, wherever the log is: for what a start
 * says before there is one. Never blocked on either; what is lost counts as lost of the log. */
void log_print(const char *text);

#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_is_enabled(LOG_LEVEL_DEBUG))                                                       \
            log_write(LOG_LEVEL_DEBUG, __VA_ARGS__);                                               \
    } while (0)
#define log_info(...)                                                                              \
    do {                                                                                           \
        if (log_is_enabled(LOG_LEVEL_INFO))                                                        \
            log_write(LOG_LEVEL_INFO, __VA_ARGS__);                                                \
    } while (0)
#define log_notice(...) log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_warn(...)   log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...)  log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
