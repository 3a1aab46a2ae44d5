/* SPDX-License-Identifier: MIT */
/* When a server has kept us waiting for too long. The deadline is only moved later on the way of a
 * request; what it means is found out when it expires. */
#include "h1/h1_internal.h"

#include "base/container_of.h"

/* How often, per timeout, a queue that moves slowly is looked at: a stall is noticed by so much of
 * the timeout too late. */
#define LOOKS 8

static double patience(const struct back_h1 *connection)
{
    return connection->read_timeout < connection->send_timeout ? connection->read_timeout
                                                               : connection->send_timeout;
}

void back_h1_touch(struct back_h1 *connection)
{
    connection->touched = loop_now(connection->loop);
    deadline_set(&connection->deadline, patience(connection));
}

void back_h1_note_queue(struct back_h1 *connection)
{
    if (stream_queued(connection->stream) > 0)
        return;
    connection->out_seen = stream_bytes_out(connection->stream);
    connection->out_at = loop_now(connection->loop);
}

/* Whether the next move is the server's. It is not while the client has still to take, or to send
 * what the response may depend on; but a client that waits for 100 (RFC 9110 section 10.1.1) sends
 * nothing before it. */
static bool server_is_due(const struct back_h1 *connection)
{
    if (connection->is_paused)
        return false;
    if (connection->state == BACK_H1_TUNNEL || connection->sending != SENDING_BODY ||
        connection->receiving != RECEIVING_HEAD)
        return true;
    return connection->exchange->forward.expects_continue && connection->taken == 0 &&
           connection->interim_count == 0;
}

/* Bytes are queued: the time between two writes that the kernel took counts. */
static void check_sending(struct back_h1 *connection, double now)
{
    uint64_t out = stream_bytes_out(connection->stream);
    if (out != connection->out_seen) {
        connection->out_seen = out;
        connection->out_at = now;
    }
    double left = connection->out_at + connection->send_timeout - now;
    double look = connection->send_timeout / LOOKS;
    if (left <= 0)
        back_h1_fail(connection, ERROR_WRITE_TIMEOUT);
    else
        deadline_set(&connection->deadline, left < look ? left : look);
}

static void check_waiting(struct back_h1 *connection, double now)
{
    double heard = stream_heard(connection->stream);
    double left = connection->touched + connection->read_timeout - heard;
    if (!server_is_due(connection))
        deadline_set(&connection->deadline, patience(connection));
    else if (left <= 0)
        back_h1_fail(connection, ERROR_READ_TIMEOUT);
    else if (heard < now && left < STREAM_HELD_LOOK)
        deadline_set(&connection->deadline, STREAM_HELD_LOOK);
    else
        deadline_set(&connection->deadline, left);
}

void back_h1_on_expired(struct deadline *deadline)
{
    struct back_h1 *connection = CONTAINER_OF(deadline, struct back_h1, deadline);
    double now = loop_now(connection->loop);
    switch (connection->state) {
    case BACK_H1_ACTIVE:
    case BACK_H1_TUNNEL:
        if (stream_queued(connection->stream) > 0)
            check_sending(connection, now);
        else
            check_waiting(connection, now);
        break;
    case BACK_H1_CONNECTING: /* the link has a deadline of its own */
        break;
    case BACK_H1_IDLE:
    case BACK_H1_CLOSED:
        back_h1_close(connection, BACKEND_CLOSE_KEEPALIVE_TIMEOUT);
        break;
    }
}
