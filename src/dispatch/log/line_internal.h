/* SPDX-License-Identifier: MIT */
/* A line of an access log while it is made: literal text, and values that are made fit for it. */
#ifndef DISPATCH_LOG_LINE_INTERNAL_H
#define DISPATCH_LOG_LINE_INTERNAL_H

#include "config/access_log.h"

struct log_line {
    char *data;
    size_t len;
};

/* There must be room. */
void log_line_put(struct log_line *line, struct slice text);

/* Takes `room` bytes at most: a value that needs more is cut, with "..." behind it, between two
 * escapes or characters. room: at least 3. value.data NULL: there is no such value. */
void log_line_put_value(struct log_line *line, enum config_log_escape escape, struct slice value,
                        size_t room);

#endif
