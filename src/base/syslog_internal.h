/* SPDX-License-Identifier: MIT */
/* Lines to the system's log. Not by syslog(3): its socket blocks while the reader stalls. */
#ifndef BASE_SYSLOG_INTERNAL_H
#define BASE_SYSLOG_INTERNAL_H

#include <stdbool.h>

#include <time.h>

#define SYSLOG_PATH "/dev/log"

/* The log's idea of the hour, in log.c. */
void log_local_time(struct tm *parts);

/* path: of the datagram socket; copied. It is connected to now, and anew when its reader has been
 * replaced or was not there. Opening twice closes the first. */
void syslog_open(const char *path);
void syslog_close(void);

/* One line of RFC 3164's kind, as local readers take it. severity: LOG_ERR and the like of
 * syslog(3). text: at most 4096 bytes. Returns whether it could be handed over at once. */
bool syslog_send(int severity, const char *text);

#endif
