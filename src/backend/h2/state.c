/* SPDX-License-Identifier: MIT */
/* The states of an HTTP/2 connection to a server, without regard to what it carries. */
#include "h2/h2_internal.h"

#include "base/log.h"
#include "pool_internal.h"

#include <assert.h>

static const char *const state_names[] = {"connecting", "greeting", "serving", "probing",
                                          "draining",   "idle",     "closed"};

void back_h2_set_state(struct back_h2 *connection, enum back_h2_state state)
{
    static const uint8_t legal[] = {
        [BACK_H2_CONNECTING] = 1 << BACK_H2_GREETING | 1 << BACK_H2_CLOSED,
        [BACK_H2_GREETING] = 1 << BACK_H2_SERVING | 1 << BACK_H2_DRAINING | 1 << BACK_H2_CLOSED,
        [BACK_H2_SERVING] =
            1 << BACK_H2_PROBING | 1 << BACK_H2_DRAINING | 1 << BACK_H2_IDLE | 1 << BACK_H2_CLOSED,
        [BACK_H2_PROBING] = 1 << BACK_H2_SERVING | 1 << BACK_H2_DRAINING | 1 << BACK_H2_CLOSED,
        [BACK_H2_DRAINING] = 1 << BACK_H2_CLOSED,
        [BACK_H2_IDLE] = 1 << BACK_H2_SERVING | 1 << BACK_H2_DRAINING | 1 << BACK_H2_CLOSED,
        [BACK_H2_CLOSED] = 0,
    };
    (void)legal; /* without assertions */
    assert(legal[connection->state] >> state & 1);
    log_debug("backend %s: %s -> %s", connection->base.endpoint->text,
              state_names[connection->state], state_names[state]);
    connection->state = state;
}

void back_h2_wake(struct back_h2 *connection)
{
    if (connection->state != BACK_H2_CLOSED)
        loop_defer(connection->loop, &connection->turn);
}

void back_h2_drain(struct back_h2 *connection)
{
    if (connection->state == BACK_H2_DRAINING || connection->state == BACK_H2_CLOSED)
        return;
    pool_remove(&connection->base);
    deadline_clear(&connection->deadline);
    back_h2_set_state(connection, BACK_H2_DRAINING);
    back_h2_wake(connection);
}

void back_h2_probe(struct back_h2 *connection)
{
    back_h2_set_state(connection, BACK_H2_PROBING);
    h2_ping(connection->session);
    connection->probed = loop_now(connection->loop);
    deadline_set(&connection->deadline, connection->patience);
    back_h2_wake(connection);
}
