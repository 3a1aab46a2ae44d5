/* SPDX-License-Identifier: MIT */
/* How many exchanges a connection takes, and what becomes of those that it does not. */
#include "h2/h2_internal.h"

#include "pool_internal.h"

/* How often an exchange that waits is sent to another connection. Once is enough for servers whose
 * word holds, since the endpoint's capacity is known then. */
#define MOVES_MAX 3

/* Requests that are begun between two looks at the clock. */
#define BEGIN_PIECE 32

/* Exchanges that wait for a connection whose server has not said how many it takes. RFC 9113
 * section 6.5.2 recommends to servers that they take no less. */
#define CAPACITY_UNKNOWN 100

/* Exchanges that it takes besides those it has. */
static uint32_t room_of(const struct back_h2 *connection)
{
    uint32_t capacity = connection->base.endpoint->capacity;
    uint32_t room = 0;
    switch (connection->state) {
    case BACK_H2_CONNECTING:
    case BACK_H2_GREETING:
        if (capacity == 0 || capacity > CAPACITY_UNKNOWN)
            capacity = CAPACITY_UNKNOWN;
        return capacity > connection->attached ? capacity - connection->attached : 0;
    case BACK_H2_SERVING:
        /* RFC 9113 section 6.5.2: a limit of 0 is for short durations. Another connection would
         * fare no better. */
        if (connection->is_barren)
            return connection->attached < CAPACITY_UNKNOWN;
        room = h2_requests_left(connection->session);
        return room > connection->waiting_count ? room - connection->waiting_count : 0;
    case BACK_H2_PROBING: /* who comes now is better off elsewhere */
    case BACK_H2_DRAINING:
    case BACK_H2_IDLE:
    case BACK_H2_CLOSED:
        break;
    }
    return 0;
}

void back_h2_share(struct back_h2 *connection)
{
    if (connection->state == BACK_H2_IDLE || connection->state == BACK_H2_CLOSED)
        return;
    if (room_of(connection) == 0 || connection->base.standing == BACKEND_STALE)
        pool_unshare(&connection->base);
    else if (connection->is_barren)
        pool_share_last(&connection->base);
    else
        pool_share(&connection->base);
}

void back_h2_call_send_elsewhere(struct back_h2_call *call)
{
    struct back_h2 *connection = call->connection;
    struct exchange *exchange = call->exchange;
    struct backend_attempts *attempts = call->attempts;
    if (attempts->moves == MOVES_MAX) {
        back_h2_call_fail(call, ERROR_BACKEND_FULL, true);
        return;
    }
    attempts->moves++;
    back_h2_call_part(call);
    int error = backend_connect(connection->base.endpoint, exchange, attempts, 0);
    if (error == 0)
        return;
    call = back_h2_call_new(connection, exchange, attempts);
    back_h2_call_fail(call, (enum error)error, true);
}

void back_h2_start_waiting(struct back_h2 *connection)
{
    struct back_h2_call *call;
    for (unsigned done = 1;
         (call = TAILQ_FIRST(&connection->waiting)) && h2_requests_left(connection->session) > 0;
         done++) {
        if (!back_h2_call_begin(call))
            back_h2_call_fail(call, ERROR_RETIRED, true);
        if (done % BEGIN_PIECE == 0 && loop_should_yield(connection->loop)) {
            back_h2_wake(connection);
            return;
        }
    }
    back_h2_share(connection);
    while (!connection->is_barren && (call = TAILQ_FIRST(&connection->waiting)))
        back_h2_call_send_elsewhere(call);
}

void back_h2_hold_waiting(struct back_h2 *connection)
{
    struct back_h2_call *call;
    if (!connection->is_barren)
        return;
    TAILQ_FOREACH (call, &connection->waiting, next)
        deadline_set(&call->deadline, back_h2_call_wait_left(call));
}

void back_h2_refuse_waiting(struct back_h2 *connection)
{
    struct back_h2_call *call;
    while ((call = TAILQ_FIRST(&connection->waiting)))
        back_h2_call_fail(call, ERROR_RETIRED, true);
}
