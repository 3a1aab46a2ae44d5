/* SPDX-License-Identifier: MIT */
/* A place that lines of access logs go to, as a value that outlives the configuration. */
#ifndef LOGS_PLACE_H
#define LOGS_PLACE_H

#include "config/access_log.h"
#include "ipc/body.h"

struct log_place {
    enum config_log_kind kind;
    char *identity; /* config_log_destination.identity */
    char *path;     /* LOG_TO_FILE: points into identity */
    /* LOG_TO_SYSLOG */
    struct address server;
    uint32_t priority;
    char *tag;
    bool has_hostname;
};

/* Into one that holds nothing; it is to be freed. */
void log_place_set(struct log_place *place, const struct config_log_destination *from);
void log_place_copy(struct log_place *place, const struct log_place *from);
void log_place_free(struct log_place *place);

/* As messages have it, and the next binary; points into the place. */
struct ipc_log_place log_place_body(const struct log_place *place);
/* The reader tells whether it has failed; free the place in both cases. */
void log_place_get(struct wire_reader *reader, struct log_place *place);

#define LOG_PLACE_MIN (1 + 4 + 4 + 4 + 4 + 4 + 1) /* bytes that one takes at least */

#endif
