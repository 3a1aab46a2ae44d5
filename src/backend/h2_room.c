/* SPDX-License-Identifier: MIT */
/* How many exchanges a connection takes, and what becomes of those that it does not. */
#include "h2_internal.h"

#include "pool_internal.h"

/* How often an exchange that waits is sent to another connection. Once is enough for servers whose
 * word holds, since the endpoint's capacity is known then. */
#define MOVES_MAX 3

/* Exchanges that wait for a connection whose server has not said how many it takes. RFC 9113
 * section 6.5.2 recommends to servers that they take no less. */
#define CAPACITY_UNKNOWN 100

/* Exchanges that it takes besides those it has. */
static uint32_t room_of(const struct h2_connection *connection)
{
    uint32_t capacity = connection->base.endpoint->capacity;
    uint32_t room = 0;
    switch (connection->phase) {
    case H2_CONNECTING:
    case H2_GREETING:
        if (capacity == 0 || capacity > CAPACITY_UNKNOWN)
            capacity = CAPACITY_UNKNOWN;
        return capacity > connection->attached ? capacity - connection->attached : 0;
    case H2_SERVING:
        /* RFC 9113 section 6.5.2: a limit of 0 is for short durations. Another connection would
         * fare no better. */
        if (connection->is_barren)
            return connection->attached < CAPACITY_UNKNOWN;
        room = h2_requests_left(connection->session);
        return room > connection->waiting_count ? room - connection->waiting_count : 0;
    case H2_PROBING: /* who comes now is better off elsewhere */
    case H2_LEAVING:
    case H2_RESTING:
    case H2_GONE:
        break;
    }
    return 0;
}

void h2_connection_share(struct h2_connection *connection)
{
    if (connection->phase == H2_RESTING || connection->phase == H2_GONE)
        return;
    if (room_of(connection) == 0 || connection->base.standing == BACKEND_STALE)
        pool_unshare(&connection->base);
    else if (connection->is_barren)
        pool_share_last(&connection->base);
    else
        pool_share(&connection->base);
}

void h2_call_send_elsewhere(struct h2_call *call)
{
    struct h2_connection *connection = call->connection;
    struct exchange *exchange = call->exchange;
    struct backend_attempts *attempts = call->attempts;
    if (attempts->moves == MOVES_MAX) {
        h2_call_fail(call, ERROR_BACKEND_FULL, true);
        return;
    }
    attempts->moves++;
    h2_call_release(call);
    int error = backend_connect(connection->base.endpoint, exchange, attempts, 0);
    if (error == 0)
        return;
    call = h2_call_new(connection, exchange, attempts);
    h2_call_fail(call, (enum error)error, true);
}

void h2_connection_start_waiting(struct h2_connection *connection)
{
    struct h2_call *call;
    while ((call = TAILQ_FIRST(&connection->waiting)) != NULL &&
           h2_requests_left(connection->session) > 0)
        if (!h2_call_begin(call))
            h2_call_fail(call, ERROR_RETIRED, true);
    h2_connection_share(connection);
    while (!connection->is_barren && (call = TAILQ_FIRST(&connection->waiting)) != NULL)
        h2_call_send_elsewhere(call);
}

void h2_connection_hold_waiting(struct h2_connection *connection)
{
    struct h2_call *call;
    if (!connection->is_barren)
        return;
    TAILQ_FOREACH (call, &connection->waiting, next)
        deadline_set(&call->deadline, h2_call_wait_left(call));
}

void h2_connection_refuse_waiting(struct h2_connection *connection)
{
    struct h2_call *call;
    while ((call = TAILQ_FIRST(&connection->waiting)) != NULL)
        h2_call_fail(call, ERROR_RETIRED, true);
}
