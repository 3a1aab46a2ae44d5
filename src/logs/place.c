/* SPDX-License-Identifier: MIT */
/* Places that lines of access logs go to, as values. */
#include "logs/place.h"

#include "base/memory.h"

#include <stdlib.h>

#define FILE_PREFIX SLICE("file ") /* of a file's identity: its path follows */

static void place_take(struct log_place *place, const struct ipc_log_place *body)
{
    *place = (struct log_place){.kind = (enum config_log_kind)body->kind,
                                .identity = memory_slice_text(body->identity),
                                .server = body->server,
                                .priority = body->priority,
                                .tag = memory_slice_text(body->tag),
                                .has_hostname = body->has_hostname};
    if (place->kind == LOG_TO_FILE)
        place->path = place->identity + FILE_PREFIX.len;
}

void log_place_set(struct log_place *place, const struct config_log_destination *from)
{
    const struct ipc_log_place body = {(uint8_t)from->kind, from->identity, from->server,
                                       from->priority,      from->tag,      from->has_hostname};

    place_take(place, &body);
}

struct ipc_log_place log_place_body(const struct log_place *place)
{
    return (struct ipc_log_place){(uint8_t)place->kind, slice_of(place->identity),
                                  place->server,        place->priority,
                                  slice_of(place->tag), place->has_hostname};
}

void log_place_copy(struct log_place *place, const struct log_place *from)
{
    const struct ipc_log_place body = log_place_body(from);

    place_take(place, &body);
}

void log_place_free(struct log_place *place)
{
    free(place->identity);
    free(place->tag);
    *place = (struct log_place){0};
}

void log_place_get(struct wire_reader *reader, struct log_place *place)
{
    struct ipc_log_place body = {0};

    ipc_get_log_place(reader, &body);
    wire_require(reader,
                 body.kind <= LOG_TO_SYSLOG &&
                     (body.kind != LOG_TO_FILE || slice_starts_with(body.identity, FILE_PREFIX)) &&
                     (body.kind != LOG_TO_SYSLOG || body.server.len > 0));
    if (!reader->failed)
        place_take(place, &body);
}
