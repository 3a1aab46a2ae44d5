/* SPDX-License-Identifier: MIT */
/* HTTP/1 towards the client: the state of its request and response, and what follows from it. */
#include "h1/h1_internal.h"

#include "base/log.h"

#include <assert.h>

static const struct {
    const char *name;
    unsigned traits;
} states[] = {
#define X(name, text, traits) [FRONT_H1_##name] = {text, traits},
    FRONT_H1_STATES(X)
#undef X
};

bool front_h1_is(const struct connection *connection, unsigned traits)
{
    return (states[connection->h1.state].traits & traits) != 0;
}

void front_h1_set_state(struct connection *connection, enum front_h1_state state)
{
#define TO(name) (1u << FRONT_H1_##name)
    static const unsigned legal[] = {
        [FRONT_H1_IDLE] = TO(HEAD) | TO(UPLOAD) | TO(AWAIT) | TO(REFUSED) | TO(GONE),
        [FRONT_H1_HEAD] = TO(IDLE) | TO(UPLOAD) | TO(AWAIT) | TO(REFUSED) | TO(GONE),
        [FRONT_H1_UPLOAD] =
            TO(DUPLEX) | TO(AWAIT) | TO(REFUSED) | TO(BROKEN) | TO(TUNNEL) | TO(GONE),
        [FRONT_H1_DUPLEX] = TO(ANSWERED) | TO(RESPOND) | TO(REFUSE) | TO(BROKEN) | TO(GONE),
        [FRONT_H1_ANSWERED] = TO(COMPLETE) | TO(GONE),
        [FRONT_H1_AWAIT] = TO(ASKED) | TO(RESPOND) | TO(BROKEN) | TO(TUNNEL) | TO(GONE),
        [FRONT_H1_ASKED] = TO(RESPOND) | TO(BROKEN) | TO(TUNNEL) | TO(GONE),
        [FRONT_H1_RESPOND] = TO(COMPLETE) | TO(BROKEN) | TO(GONE),
        [FRONT_H1_REFUSED] = TO(REFUSE) | TO(BROKEN) | TO(GONE),
        [FRONT_H1_REFUSE] = TO(COMPLETE) | TO(BROKEN) | TO(GONE),
        [FRONT_H1_COMPLETE] = TO(IDLE) | TO(GONE),
        [FRONT_H1_BROKEN] = TO(GONE),
        [FRONT_H1_TUNNEL] = TO(TUNNEL_UP) | TO(TUNNEL_DOWN) | TO(BROKEN) | TO(GONE),
        [FRONT_H1_TUNNEL_UP] = TO(TUNNEL_ENDED) | TO(GONE),
        [FRONT_H1_TUNNEL_DOWN] = TO(TUNNEL_ENDED) | TO(BROKEN) | TO(GONE),
        [FRONT_H1_TUNNEL_ENDED] = TO(GONE),
        [FRONT_H1_GONE] = 0,
    };
#undef TO
    struct front_h1_side *h1 = &connection->h1;

    assert(legal[h1->state] & 1u << state);
    log_debug("client %llu: HTTP/1: %s to %s", (unsigned long long)connection->client.connection,
              states[h1->state].name, states[state].name);
    h1->state = state;
    if (state != FRONT_H1_GONE)
        connection_set_state(connection,
                             state == FRONT_H1_IDLE ? CONNECTION_IDLE : CONNECTION_ACTIVE);
}

/* ---- moves ---- */

static void move(struct connection *connection, const enum front_h1_state next[])
{
    enum front_h1_state state = next[connection->h1.state];

    assert(state != FRONT_H1_IDLE); /* no move from there */
    front_h1_set_state(connection, state);
    if (front_h1_is(connection, FRONT_H1_IS_OVER))
        connection_defer(connection);
}

void front_h1_end_request(struct connection *connection)
{
    static const enum front_h1_state next[] = {
        [FRONT_H1_UPLOAD] = FRONT_H1_AWAIT,           [FRONT_H1_DUPLEX] = FRONT_H1_RESPOND,
        [FRONT_H1_ANSWERED] = FRONT_H1_COMPLETE,      [FRONT_H1_TUNNEL] = FRONT_H1_TUNNEL_DOWN,
        [FRONT_H1_TUNNEL_UP] = FRONT_H1_TUNNEL_ENDED, [FRONT_H1_GONE] = FRONT_H1_IDLE};

    move(connection, next);
}

void front_h1_drop_request(struct connection *connection)
{
    static const enum front_h1_state next[] = {[FRONT_H1_UPLOAD] = FRONT_H1_REFUSED,
                                               [FRONT_H1_DUPLEX] = FRONT_H1_REFUSE,
                                               [FRONT_H1_ANSWERED] = FRONT_H1_COMPLETE,
                                               [FRONT_H1_GONE] = FRONT_H1_IDLE};

    move(connection, next);
}

void front_h1_begin_response(struct connection *connection)
{
    static const enum front_h1_state next[] = {[FRONT_H1_UPLOAD] = FRONT_H1_DUPLEX,
                                               [FRONT_H1_AWAIT] = FRONT_H1_RESPOND,
                                               [FRONT_H1_ASKED] = FRONT_H1_RESPOND,
                                               [FRONT_H1_REFUSED] = FRONT_H1_REFUSE,
                                               [FRONT_H1_GONE] = FRONT_H1_IDLE};

    move(connection, next);
}

void front_h1_end_response(struct connection *connection)
{
    static const enum front_h1_state next[] = {
        [FRONT_H1_DUPLEX] = FRONT_H1_ANSWERED,          [FRONT_H1_RESPOND] = FRONT_H1_COMPLETE,
        [FRONT_H1_REFUSE] = FRONT_H1_COMPLETE,          [FRONT_H1_TUNNEL] = FRONT_H1_TUNNEL_UP,
        [FRONT_H1_TUNNEL_DOWN] = FRONT_H1_TUNNEL_ENDED, [FRONT_H1_GONE] = FRONT_H1_IDLE};

    move(connection, next);
}

/* ---- what follows from the state ---- */

bool front_h1_can_discard(const struct connection *connection)
{
    const struct h1_body_reader *body = &connection->h1.body;

    return body->framing == H1_LENGTH && body->left <= LIMIT_DISCARD;
}

const struct config_settings *front_h1_settings(const struct connection *connection)
{
    return connection_settings(connection, connection->h1.exchange);
}

void front_h1_start_body_clock(struct connection *connection)
{
    const struct exchange *exchange = connection->h1.exchange;
    struct limits *limits = &connection->limits;
    double now = connection_now(connection);

    if (exchange->request_body.discards)
        return;
    limits_body_start(limits, now, front_h1_settings(connection)->client_body_timeout,
                      stream_bytes_in(connection->stream));
    if (exchange->response_started)
        limits_body_ease(limits);
    limits_arm(limits, now);
}

/* Whether bytes are wanted now: a body's as long as the exchange has room, a next request's as long
 * as few wait here. */
static bool wants_bytes(const struct connection *connection)
{
    const struct exchange *exchange = connection->h1.exchange;

    if (connection->peer_ended)
        return false;
    if (front_h1_is(connection, FRONT_H1_READS_HEAD))
        return connection->h1.state == FRONT_H1_IDLE || !stream_is_full(connection->stream);
    if (front_h1_is(connection, FRONT_H1_READS_BODY | FRONT_H1_READS_TUNNEL))
        return exchange_pipe_has_room(&exchange->request_body);
    return front_h1_is(connection, FRONT_H1_QUEUES) && connection->in.len < LIMIT_INPUT;
}

void front_h1_update_reading(struct connection *connection)
{
    if (wants_bytes(connection))
        stream_resume(connection->stream);
    else
        stream_pause(connection->stream);
}
