/* SPDX-License-Identifier: MIT */
/* Which protocol a client speaks: what ALPN has agreed on (RFC 7301), or, without TLS, what its
 * first bytes say: the preface of HTTP/2 by prior knowledge (RFC 9113 section 3.3), else HTTP/1. */
#include "h1/h1_internal.h"
#include "h2/h2_internal.h"

/* RFC 9113 section 3.4. No request of HTTP/1 begins so: there is neither a method PRI nor a version
 * 2.0 in it. */
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE_LEN (sizeof(preface) - 1)

/* ---- the first bytes ---- */

/* How many of the first bytes are the preface's, PREFACE_LEN at most; -1 when they differ. */
static int matching(const struct chain *in)
{
    char first[PREFACE_LEN];
    size_t len = in->len < PREFACE_LEN ? in->len : PREFACE_LEN;

    chain_peek(in, 0, first, len);
    return memcmp(first, preface, len) == 0 ? (int)len : -1;
}

static void stop_looking(struct connection *connection)
{
    stream_set_owner(connection->stream, &connection_events, connection);
}

/* Until they are told apart, HTTP/1's clocks run: what stays in the middle gets its answer. */
static void look(struct connection *connection)
{
    int matched = matching(&connection->in);

    if (matched < 0) {
        stop_looking(connection);
        front_h1_advance(connection);
    } else if (matched < (int)PREFACE_LEN) {
        front_h1_await_head(connection);
    } else {
        connection->protocol->end(connection, ERROR_NONE);
        connection_set_state(connection, CONNECTION_IDLE);
        connection_speak(connection, &front_h2_protocol);
    }
}

static void on_readable(void *owner)
{
    struct connection *connection = owner;
    long got;

    if (!front_h1_is(connection, FRONT_H1_READS_HEAD)) {
        stop_looking(connection);
        connection->protocol->readable(connection);
        return;
    }
    got = stream_read(connection->stream, &connection->in, BUFFER_SIZE);
    if (got > 0)
        look(connection);
    else if (got < 0)
        front_h1_peer_ended(connection, (enum error)got);
}

static void on_open(void *owner)
{
    (void)owner;
}

static void on_writable(void *owner)
{
    connection_events.on_writable(owner);
}

static void on_failed(void *owner, enum error error)
{
    connection_events.on_failed(owner, error);
}

static const struct stream_events looking_events = {.on_open = on_open,
                                                    .on_readable = on_readable,
                                                    .on_writable = on_writable,
                                                    .on_failed = on_failed};

void protocol_start(struct connection *connection)
{
    bool is_tls = connection->client.is_tls;

    if (is_tls && slice_equal(tls_alpn(connection->stream), SLICE("h2"))) {
        connection_speak(connection, &front_h2_protocol);
        return;
    }
    connection_speak(connection, &front_h1_protocol);
    if (!is_tls && connection_default_settings(connection)->http2)
        stream_set_owner(connection->stream, &looking_events, connection);
}
