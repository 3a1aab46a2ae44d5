/* SPDX-License-Identifier: MIT */
/* A request on its way to the server: head, body, end; and the outward half of a tunnel. */
#include "h1/h1_internal.h"

#include "h1/write.h"

/* Hands the stream what was written, so that it leaves at the turn's end in one system call. */
static void flush(struct back_h1 *connection)
{
    if (connection->wire.len == 0)
        return;
    back_h1_note_queue(connection);
    stream_write(connection->stream, &connection->wire);
    back_h1_touch(connection);
}

/* Moves one piece from the pipe to the wire. Returns false when sending is over. */
static bool send_piece(struct back_h1 *connection, size_t room)
{
    struct exchange *exchange = connection->exchange;
    struct chain piece;
    chain_init(&piece, &connection->loop->buffers);
    connection->taken += exchange_take_request(exchange, &piece, room);
    /* Taking may have called the frontend, and the frontend may have closed. */
    if (connection->exchange != exchange) {
        chain_clear(&piece);
        return false;
    }
    /* More than was announced would be read as the next request. */
    if (connection->framing == H1_LENGTH && piece.len > connection->left) {
        chain_clear(&piece);
        back_h1_fail(connection, ERROR_LENGTH);
        return false;
    }
    connection->left -= connection->framing == H1_LENGTH ? piece.len : 0;
    h1_write_body(&connection->wire, &piece, connection->framing);
    return true;
}

static void send_end(struct back_h1 *connection)
{
    struct exchange *exchange = connection->exchange;
    if (connection->framing == H1_LENGTH && connection->left > 0) {
        back_h1_fail(connection, ERROR_LENGTH);
        return;
    }
    h1_write_end(&connection->wire, connection->framing, &exchange->request_body.trailers);
    connection->sending = SENDING_DONE;
    flush(connection);
    if (connection->state == BACK_H1_TUNNEL) {
        stream_end(connection->stream);
        back_h1_finish_tunnel(connection);
    }
}

static void send_some(struct back_h1 *connection)
{
    const struct exchange_pipe *pipe = &connection->exchange->request_body;
    for (;;) {
        size_t queued = stream_queued(connection->stream) + connection->wire.len;
        if (pipe->bytes.len == 0 || queued >= STREAM_QUEUE)
            break;
        if (!send_piece(connection, STREAM_QUEUE - queued))
            return;
    }
    if (pipe->state == PIPE_BROKEN) {
        back_h1_fail(connection, ERROR_CLIENT_GONE);
        return;
    }
    if (exchange_pipe_is_done(pipe))
        send_end(connection);
    else
        flush(connection);
}

void back_h1_send(struct back_h1 *connection)
{
    if (connection->is_in_send)
        return;
    connection->is_in_send = true;
    send_some(connection);
    connection->is_in_send = false;
}

void back_h1_begin(struct back_h1 *connection)
{
    const struct http_request *request = &connection->exchange->forward;
    exchange_settle_length(connection->exchange);
    connection->asked = loop_now(connection->loop);
    exchange_begin_attempt(connection->exchange);
    connection->framing = h1_write_request(&connection->wire, request);
    connection->left = connection->framing == H1_LENGTH ? (uint64_t)request->content_length : 0;
    if (connection->framing == H1_NO_BODY) {
        connection->sending = SENDING_DONE;
        flush(connection);
        return;
    }
    connection->sending = SENDING_BODY;
    back_h1_send(connection);
}
