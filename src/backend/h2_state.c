/* SPDX-License-Identifier: MIT */
/* The phases of an HTTP/2 connection to a server, without regard to what it carries. */
#include "h2_internal.h"

#include "base/log.h"
#include "pool_internal.h"

#include <assert.h>

static const char *const phase_names[] = {"connecting", "greeting", "serving", "probing",
                                          "leaving",    "resting",  "gone"};

void h2_connection_set_phase(struct h2_connection *connection, enum h2_phase phase)
{
    static const uint8_t legal[] = {
        [H2_CONNECTING] = 1 << H2_GREETING | 1 << H2_GONE,
        [H2_GREETING] = 1 << H2_SERVING | 1 << H2_LEAVING | 1 << H2_GONE,
        [H2_SERVING] = 1 << H2_PROBING | 1 << H2_LEAVING | 1 << H2_RESTING | 1 << H2_GONE,
        [H2_PROBING] = 1 << H2_SERVING | 1 << H2_LEAVING | 1 << H2_GONE,
        [H2_LEAVING] = 1 << H2_GONE,
        [H2_RESTING] = 1 << H2_SERVING | 1 << H2_LEAVING | 1 << H2_GONE,
        [H2_GONE] = 0,
    };
    (void)legal; /* without assertions */
    assert(legal[connection->phase] >> phase & 1);
    log_debug("backend %s: %s -> %s", connection->base.endpoint->text,
              phase_names[connection->phase], phase_names[phase]);
    connection->phase = phase;
}

void h2_connection_wake(struct h2_connection *connection)
{
    if (connection->phase != H2_GONE)
        loop_defer(connection->loop, &connection->turn);
}

void h2_connection_leave(struct h2_connection *connection)
{
    if (connection->phase == H2_LEAVING || connection->phase == H2_GONE)
        return;
    pool_remove(&connection->base);
    deadline_clear(&connection->deadline);
    h2_connection_set_phase(connection, H2_LEAVING);
    h2_connection_wake(connection);
}

void h2_connection_probe(struct h2_connection *connection)
{
    h2_connection_set_phase(connection, H2_PROBING);
    h2_ping(connection->session);
    deadline_set(&connection->deadline, connection->patience);
    h2_connection_wake(connection);
}
