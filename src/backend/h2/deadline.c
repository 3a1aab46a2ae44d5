/* SPDX-License-Identifier: MIT */
/* When a server has kept one exchange waiting for too long. On the way of a request only times are
 * noted; what they mean is found out when the deadline expires. */
#include "h2/h2_internal.h"

double back_h2_call_patience(const struct back_h2_call *call)
{
    double read_timeout = call->attempts->settings->proxy_read_timeout;
    double send_timeout = call->attempts->settings->proxy_send_timeout;
    return read_timeout < send_timeout ? read_timeout : send_timeout;
}

/* Seconds for which a server may allow no request before its exchanges are told so. */
#define BARREN_MAX 5.0

double back_h2_call_wait_left(const struct back_h2_call *call)
{
    const struct backend_attempts *attempts = call->attempts;
    double most = back_h2_call_patience(call);
    if (most > attempts->settings->proxy_connect_timeout)
        most = attempts->settings->proxy_connect_timeout;
    if (most > BARREN_MAX)
        most = BARREN_MAX;
    double left = attempts->started + most - stream_heard(call->connection->wire);
    return left > 0 ? left : 0;
}

/* Whether the next move is the server's. It is not while the client has still to send, or to take;
 * but a client that waits for 100 (RFC 9110 section 10.1.1) sends nothing before it. */
static bool response_is_due(const struct back_h2_call *call)
{
    const struct exchange *exchange = call->exchange;
    if (exchange->response_body.is_waiting)
        return false;
    if (exchange->is_tunnel || call->is_connect || call->sending != BACK_H2_SENDING)
        return true;
    return exchange->forward.expects_continue && call->taken == 0 && call->interim_count == 0 &&
           call->receiving == BACK_H2_HEAD_DUE;
}

/* Whether it waits for a server that allows no request: without a stream, or with one that was
 * begun before the server said so, and of which nothing may be sent now. */
static bool is_held_back(const struct back_h2_call *call)
{
    bool is_unsent = call->stream && h2_stream_sent(call->stream) == 0;
    return call->connection->is_barren && (call->sending == BACK_H2_WAITS || is_unsent);
}

static double time_left(const struct back_h2_call *call, double heard, enum error *error)
{
    double left = back_h2_call_patience(call);
    if (is_held_back(call)) {
        *error = ERROR_BACKEND_FULL;
        return back_h2_call_wait_left(call);
    }
    if (call->sending == BACK_H2_SENDING && !call->is_starved) {
        left = call->sent_at + call->attempts->settings->proxy_send_timeout - heard;
        *error = ERROR_WRITE_TIMEOUT;
    }
    if (!response_is_due(call))
        return left;
    double since = call->sending == BACK_H2_WAITS ? call->attempts->started : call->read_at;
    double until_read = since + call->attempts->settings->proxy_read_timeout - heard;
    if (until_read < left) {
        left = until_read;
        *error = ERROR_READ_TIMEOUT;
    }
    return left;
}

double back_h2_call_time_left(const struct back_h2_call *call, enum error *error)
{
    const struct back_h2 *connection = call->connection;
    /* While connecting, the link's deadline is the one that counts. */
    if (connection->state == BACK_H2_CONNECTING)
        return back_h2_call_patience(call);
    double heard = stream_heard(connection->wire);
    double left = time_left(call, heard, error);
    bool is_excused = left > 0 && heard < loop_now(connection->loop);
    return is_excused && left < STREAM_HELD_LOOK ? STREAM_HELD_LOOK : left;
}
