/* SPDX-License-Identifier: MIT */
/* Graceful ends of HTTP/2 connections: GOAWAY that announces, and, once the client must have seen
 * it, GOAWAY that says which streams were the last (RFC 9113 section 6.8). No request is lost
 * between the two. */
#include "h2/h2_internal.h"

#include "base/log.h"

#include <assert.h>

/* Only forwards, and the first reason counts. */
static void set_goaway(struct connection *connection, enum front_h2_goaway goaway,
                       enum close_reason reason)
{
    static const char *const names[] = {
        [GOAWAY_NONE] = "none", [GOAWAY_ANNOUNCED] = "announced", [GOAWAY_FINAL] = "final"};
    struct front_h2_side *side = connection->h2;

    assert(goaway > side->goaway);
    if (side->last == CLOSE_NONE)
        side->last = reason;
    log_debug("client %llu: HTTP/2: goaway %s to %s: %s",
              (unsigned long long)connection->client.connection, names[side->goaway], names[goaway],
              close_token(side->last));
    side->goaway = goaway;
    connection_defer(connection);
}

void front_h2_begin_goaway(struct connection *connection, enum close_reason reason)
{
    struct front_h2_side *side = connection->h2;

    if (side->goaway != GOAWAY_NONE)
        return;
    set_goaway(connection, GOAWAY_ANNOUNCED, reason);
    side->goaway_due = connection_now(connection) + LIMIT_GOAWAY;
    h2_announce_shutdown(side->session);
    h2_ping(side->session);
}

void front_h2_finish_goaway(struct connection *connection, enum close_reason reason)
{
    struct front_h2_side *side = connection->h2;

    side->goaway_due = 0;
    if (side->goaway == GOAWAY_FINAL)
        return;
    set_goaway(connection, GOAWAY_FINAL, reason);
    h2_shutdown(side->session);
}

/* What has asked nothing yet may ask once, as in HTTP/1: its first request begins the end. */
void front_h2_retire(struct connection *connection)
{
    struct front_h2_side *side = connection->h2;
    double now = connection_now(connection);
    bool is_hard = connection->patience <= 0;

    if (is_hard && connection->state == CONNECTION_IDLE && side->linger_due == 0) {
        connection_close(connection, connection->retiring);
    } else if (connection->requests > 0 || is_hard) {
        front_h2_begin_goaway(connection, connection->retiring);
    } else if (side->idle_due > 0) {
        side->idle_due = now + connection_idle_time(connection, side->idle_due - now);
        front_h2_arm(connection);
    }
}
