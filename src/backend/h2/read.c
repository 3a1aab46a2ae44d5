/* SPDX-License-Identifier: MIT */
/* What an HTTP/2 connection's stream tells: bytes for the session, which has them piece by piece as
 * it has time for them, and the end. */
#include "h2/h2_internal.h"

/* Bytes of one read. */
#define READ_BULK (64 * 1024)
/* Frames between two looks at the clock: a response is two. */
#define READ_PIECE 64
/* Bytes that are looked at after writing failed: error responses, GOAWAY; not downloads. */
#define LAST_WORDS (256 * 1024)

static void heard(struct back_h2 *connection)
{
    connection->heard = loop_now(connection->loop);
    if (connection->state != BACK_H2_PROBING)
        return;
    deadline_clear(&connection->deadline);
    back_h2_set_state(connection, BACK_H2_SERVING);
}

/* Hands the session so many frames of what came. Returns false when the connection is over. */
static bool understand(struct back_h2 *connection, uint32_t frames)
{
    enum h2_verdict verdict =
        h2_receive(connection->session, &connection->in, frames, loop_now(connection->loop));
    if (verdict == H2_CLOSING)
        back_h2_drain(connection);
    /* The turn's end closes what is done, and after a dead one's exchanges were told. */
    back_h2_wake(connection);
    return verdict != H2_DEAD;
}

void back_h2_understand(struct back_h2 *connection)
{
    while (connection->in.len > 0 && understand(connection, READ_PIECE))
        if (loop_should_yield(connection->loop))
            break;
    /* Nobody is heard while some of what was read waits. */
    if (connection->in.len > 0)
        stream_pause(connection->wire);
    else
        stream_resume(connection->wire);
}

static void receive_end(struct back_h2 *connection, enum error error)
{
    back_h2_fail(connection, error == ERROR_END ? ERROR_BACKEND_CLOSED : ERROR_BACKEND_RESET);
}

/* Whether a server that has not said SETTINGS yet says a status line of HTTP/1. */
static bool speaks_http1(const struct back_h2 *connection)
{
    char text[7];
    if (connection->state != BACK_H2_GREETING || connection->in.len < sizeof(text))
        return false;
    chain_peek(&connection->in, 0, text, sizeof(text));
    return memcmp(text, "HTTP/1.", sizeof(text)) == 0;
}

static void on_readable(void *owner)
{
    struct back_h2 *connection = owner;
    if (connection->in.len > 0 || connection->failing != ERROR_NONE)
        return;
    long len = stream_read(connection->wire, &connection->in, READ_BULK);
    if (len == 0)
        return;
    if (len < 0) {
        receive_end(connection, (enum error)len);
        return;
    }
    heard(connection);
    if (speaks_http1(connection)) {
        connection->speaks_http1 = true;
        back_h2_fail(connection, ERROR_RESPONSE);
        return;
    }
    back_h2_understand(connection);
}

static void on_writable(void *owner)
{
    back_h2_wake(owner);
}

/* Writing failed: passes on what the server has said before, and ends. */
static void on_failed(void *owner, enum error error)
{
    struct back_h2 *connection = owner;
    size_t total = 0;
    long len = 0;
    if (connection->failing != ERROR_NONE)
        return;
    while ((connection->in.len == 0 || understand(connection, H2_ALL)) && total <= LAST_WORDS &&
           (len = stream_read(connection->wire, &connection->in, READ_BULK)) > 0)
        total += (size_t)len;
    (void)error;
    receive_end(connection, ERROR_RESET);
}

/* Not told of: the stream is open when it comes here. */
static void on_open(void *owner)
{
    (void)owner;
}

const struct stream_events back_h2_stream_events = {.on_open = on_open,
                                                    .on_readable = on_readable,
                                                    .on_writable = on_writable,
                                                    .on_failed = on_failed};
