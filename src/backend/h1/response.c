/* SPDX-License-Identifier: MIT */
/* A response on its way from the server: interim heads, the head, the body; and the inward half of
 * a tunnel. */
#include "h1/h1_internal.h"

/* Bytes of one read, which bounds how far the response pipe can exceed its limit. */
#define READ_PIECE (64 * 1024)
/* Bytes that are looked at after writing failed: an early error response, not a download. */
#define LAST_WORDS (256 * 1024)
/* Interim responses that one exchange may have, and their bytes together: all are in its arena. */
#define INTERIM_MAX       100
#define INTERIM_BYTES_MAX (64 * 1024)

static const struct h1_limits limits = {
    .line_max = 16 * 1024, .head_max = 64 * 1024, .fields_max = 200};

/* The response is complete. */
static void complete(struct back_h1 *connection)
{
    struct exchange *exchange = connection->exchange;
    connection->receiving = RECEIVING_DONE;
    if (connection->state == BACK_H1_ACTIVE && connection->sending != SENDING_DONE)
        exchange_discard_request(exchange);
    if (connection->exchange == exchange)
        exchange_end_response(exchange, PIPE_ENDED);
    /* The frontend may have closed by now, which has let go of us. */
    if (connection->exchange != exchange)
        return;
    if (connection->state == BACK_H1_TUNNEL) {
        back_h1_finish_tunnel(connection);
        return;
    }
    exchange_detach(exchange);
    back_h1_finish(connection);
}

/* Passes on body bytes. */
static void receive_body(struct back_h1 *connection)
{
    struct exchange *exchange = connection->exchange;
    struct chain body;
    chain_init(&body, &connection->loop->buffers);
    int verdict =
        h1_read_body(&connection->body, &connection->in, &limits,
                     &(struct h1_body_sink){&body, SIZE_MAX, &exchange->response_body.trailers});
    bool has_room = true;
    if (body.len > 0)
        has_room = exchange_push_response(exchange, &body);
    if (connection->exchange != exchange)
        return;
    if (verdict < 0) {
        back_h1_fail(connection, ERROR_RESPONSE);
    } else if (verdict == H1_DONE) {
        complete(connection);
    } else if (!has_room && !connection->is_paused) {
        connection->is_paused = true;
        stream_pause(connection->stream);
    }
}

static void start_body(struct back_h1 *connection)
{
    h1_body_start(&connection->body, &connection->facts);
    connection->receiving = RECEIVING_BODY;
}

/* Hands the head over. Returns whether the exchange is still ours. */
static bool respond(struct back_h1 *connection)
{
    struct exchange *exchange = connection->exchange;
    exchange_respond(exchange);
    return connection->exchange == exchange;
}

static bool take_interim(struct back_h1 *connection)
{
    connection->interim_count++;
    connection->interim_bytes += connection->facts.head_bytes;
    if (connection->interim_count > INTERIM_MAX || connection->interim_bytes > INTERIM_BYTES_MAX) {
        back_h1_fail(connection, ERROR_RESPONSE_TOO_LARGE);
        return false;
    }
    return respond(connection);
}

/* 101: from here on the bytes are another protocol's (RFC 9110 section 7.8), if it is the one that
 * was asked for. A server that switches before it has been sent the whole body would take the rest
 * of it for bytes of that protocol, or not: nobody can tell. */
static bool take_switch(struct back_h1 *connection)
{
    struct exchange *exchange = connection->exchange;
    if (!http_upgrade_confirms(&exchange->response.fields, exchange->forward.upgrade) ||
        connection->sending != SENDING_DONE) {
        back_h1_fail(connection, ERROR_RESPONSE);
        return false;
    }
    exchange->is_tunnel = true;
    connection->facts.framing = H1_UNTIL_CLOSE;
    start_body(connection);
    back_h1_set_state(connection, BACK_H1_TUNNEL);
    connection->framing = H1_UNTIL_CLOSE;
    connection->sending = SENDING_BODY;
    /* What the client sends on receiving of it must not overtake what is done here. */
    connection->is_in_send = true;
    bool goes_on = respond(connection);
    connection->is_in_send = false;
    if (!goes_on)
        return false;
    backend_answered(&connection->base, connection->exchange, connection->asked);
    back_h1_send(connection);
    return connection->exchange == exchange;
}

static bool take_final(struct back_h1 *connection)
{
    start_body(connection);
    if (!respond(connection))
        return false;
    backend_answered(&connection->base, connection->exchange, connection->asked);
    if (connection->facts.framing != H1_NO_BODY)
        return true;
    complete(connection);
    return false;
}

/* Reads one head. Returns whether there is more to do with what has come. */
static bool receive_head(struct back_h1 *connection)
{
    struct exchange *exchange = connection->exchange;
    int verdict = h1_read_response(
        &connection->head, &connection->in, &limits, exchange->forward.method,
        &(struct h1_response_sink){&exchange->arena, &exchange->response, &connection->facts});
    if (verdict == H1_MORE)
        return false;
    if (verdict < 0) {
        back_h1_fail(connection, (enum error)verdict);
        return false;
    }
    connection->head = (struct h1_head_reader){0};
    if (exchange->response.status == 101)
        return take_switch(connection);
    if (exchange->response.status < 200)
        return take_interim(connection);
    return take_final(connection);
}

/* Passes on what the bytes that have come say. */
static void understand(struct back_h1 *connection)
{
    while (connection->receiving == RECEIVING_HEAD && connection->in.len > 0)
        if (!receive_head(connection))
            return;
    if (connection->receiving == RECEIVING_BODY && connection->in.len > 0)
        receive_body(connection);
}

/* What the end of the bytes means, error being what stream_read said. */
static void receive_end(struct back_h1 *connection, enum error error)
{
    bool is_orderly = error == ERROR_END;
    if (connection->receiving != RECEIVING_HEAD) {
        if (is_orderly && connection->facts.framing == H1_UNTIL_CLOSE)
            complete(connection);
        else
            back_h1_fail(connection, is_orderly ? ERROR_BACKEND_TRUNCATED : ERROR_BACKEND_RESET);
        return;
    }
    /* Only an end before the first byte may be an idle connection's that we were too late for. */
    if (stream_bytes_in(connection->stream) != connection->in_start)
        back_h1_fail(connection, ERROR_BACKEND_TRUNCATED);
    else
        back_h1_fail(connection, is_orderly ? ERROR_BACKEND_CLOSED : ERROR_BACKEND_RESET);
}

/* Bytes that come before a kept connection was asked anything answer no request of ours: a server
 * may say 408 when it gives an idle connection up (RFC 9110 section 15.5.9). */
static bool is_unasked(const struct back_h1 *connection)
{
    return connection->is_reused && connection->receiving == RECEIVING_HEAD &&
           stream_bytes_out(connection->stream) == connection->out_start;
}

void back_h1_receive(struct back_h1 *connection)
{
    if (!connection->exchange || connection->receiving == RECEIVING_DONE)
        return;
    long len = stream_read(connection->stream, &connection->in, READ_PIECE);
    if (len == 0)
        return;
    if (len < 0) {
        receive_end(connection, (enum error)len);
        return;
    }
    if (is_unasked(connection)) {
        back_h1_fail(connection, ERROR_RETIRED);
        return;
    }
    back_h1_touch(connection);
    understand(connection);
    chain_compact(&connection->in);
}

void back_h1_receive_last(struct back_h1 *connection)
{
    const struct exchange *exchange = connection->exchange;
    size_t total = 0;
    /* When nothing of the request has left, nothing that may wait here answers it. */
    while (connection->exchange == exchange && !is_unasked(connection) && total <= LAST_WORDS) {
        long len = stream_read(connection->stream, &connection->in, READ_PIECE);
        if (len <= 0)
            break;
        total += (size_t)len;
        understand(connection);
    }
    /* The failed write has taken the reset off the socket, which reads as an orderly end now. */
    if (connection->exchange == exchange)
        receive_end(connection, ERROR_RESET);
}
