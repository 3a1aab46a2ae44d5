/* SPDX-License-Identifier: MIT */
/* TLS under a stream: OpenSSL works on memory, the stream on the socket.
 *
 * A read takes ciphertext from the socket once, into the loop's scratch, and decrypts from there
 * straight into the caller's buffers. A write encrypts many records into pooled buffers and sends
 * them together. A connection that waits holds neither. */
#include "wire_internal.h"

#include <openssl/err.h>
#include <stdlib.h>

/* Plaintext of a record. */
#define RECORD_MAX 16384
/* Ciphertext that one round of writing makes before it is sent. */
#define ROUND (64 * 1024)
/* Room at the tail of a chain for which it is still worth a read. */
#define READ_MIN 512
/* Ciphertext above the plaintext that is asked for: headers, tags, padding of a few records. */
#define READ_OVERHEAD  2048
#define RUNS_PER_PIECE 16

/* Bytes that OpenSSL takes for a handshake, and for a connection afterwards (measured). */
#define HANDSHAKE_MEMORY (40 * 1024)
#define OPEN_MEMORY      (14 * 1024)

/* OpenSSL takes 40 KiB when a server begins to shake hands, and has nothing to do before the client
 * has said hello. */
static bool awaits_hello(struct tls_connection *connection)
{
    return SSL_is_server(connection->ssl) && SSL_in_before(connection->ssl) &&
           !wire_receive_record(connection);
}

static int on_handshake(void *layer, struct stream *stream, bool *wants_write)
{
    struct tls_connection *connection = layer;
    int result, verdict = 0, pushed;

    wire_enter(connection, stream, LOOP_SCRATCH);
    if (awaits_hello(connection)) {
        wire_leave(connection);
        return 0;
    }
    result = SSL_do_handshake(connection->ssl);
    if (result == 1)
        connection->is_open = true;
    else
        verdict = wire_judge(connection, result);
    /* Whatever it was, it may have been the session. */
    if (verdict < 0 && connection->sessions)
        tls_sessions_clear(connection->sessions);
    /* An alert leaves, too. */
    pushed = wire_push(connection, stream);
    wire_leave(connection);
    if (verdict < 0)
        return verdict;
    if (pushed < 0)
        return pushed;
    *wants_write = connection->out.len > 0;
    if (result == 1)
        stream_layer_holds(stream, OPEN_MEMORY);
    return result == 1;
}

/* What is held comes first, in a call of its own: one that took more besides would leave something
 * again, and go on as long as the peer sends. */
static size_t receivable(const struct tls_connection *connection, size_t limit)
{
    if (wire_has_record(connection))
        return 0;
    return limit < LOOP_SCRATCH ? limit + READ_OVERHEAD : LOOP_SCRATCH;
}

static long on_read(void *layer, struct stream *stream, struct chain *into, size_t limit)
{
    struct tls_connection *connection = layer;
    size_t total = 0;
    int verdict = 0;

    if (connection->ended)
        return connection->ended;
    wire_enter(connection, stream, receivable(connection, limit));
    while (total < limit) {
        size_t room, got = 0, left = limit - total;
        char *to = chain_reserve(into, left < READ_MIN ? left : READ_MIN, &room);
        int result = SSL_read_ex(connection->ssl, to, room < left ? room : left, &got);

        chain_commit(into, got);
        if (result != 1) {
            verdict = wire_judge(connection, result);
            break;
        }
        total += got;
        /* Whatever else the socket has, the loop will tell. */
        connection->may_receive = 0;
    }
    if (verdict < 0) {
        connection->ended = (enum error)verdict;
        if (verdict != ERROR_END)
            (void)wire_push(connection, stream);
    }
    wire_leave(connection);
    return total > 0 ? (long)total : verdict;
}

/* What becomes the next record: the first run, or, when the next ones fit in whole, their copy:
 * the head and the body of a small response are one record. */
static struct slice next_piece(const struct chain *queue, char *scratch)
{
    struct iovec iov[RUNS_PER_PIECE];
    int count = chain_iovec(queue, iov, RUNS_PER_PIECE);
    size_t len = iov[0].iov_len;
    int runs = 1;

    while (runs < count && len + iov[runs].iov_len <= RECORD_MAX)
        len += iov[runs++].iov_len;
    if (runs == 1)
        return chain_first(queue);
    chain_peek(queue, 0, scratch, len);
    return (struct slice){scratch, len};
}

static int encrypt(struct tls_connection *connection, struct chain *queue, char *scratch)
{
    while (queue->len > 0 && connection->out.len < ROUND) {
        struct slice piece = next_piece(queue, scratch);
        size_t written = 0;
        int result = SSL_write_ex(connection->ssl, piece.data, piece.len, &written);

        if (result != 1) {
            int verdict = wire_judge(connection, result);

            /* Memory always takes what is written, and renegotiation is off: nothing to wait. */
            return verdict < 0 ? verdict : ERROR_TLS;
        }
        chain_consume(queue, written);
    }
    return 0;
}

static int on_write(void *layer, struct stream *stream, struct chain *queue)
{
    struct tls_connection *connection = layer;
    int verdict = wire_push(connection, stream);

    if (verdict != 0 || queue->len == 0)
        return verdict;
    wire_enter(connection, stream, 0);
    while (verdict == 0 && queue->len > 0) {
        verdict = encrypt(connection, queue, stream_loop(stream)->scratch);
        if (verdict == 0)
            verdict = wire_push(connection, stream);
    }
    wire_leave(connection);
    return verdict;
}

static int on_end(void *layer, struct stream *stream)
{
    struct tls_connection *connection = layer;
    bool is_broken = connection->ended && connection->ended != ERROR_END;

    if (!connection->is_shut && !is_broken) {
        wire_enter(connection, stream, 0);
        (void)SSL_shutdown(connection->ssl);
        ERR_clear_error();
        wire_leave(connection);
        connection->is_shut = true;
    }
    return wire_push(connection, stream);
}

static bool has_pending(void *layer)
{
    const struct tls_connection *connection = layer;

    return connection->ended || wire_has_record(connection) || SSL_pending(connection->ssl) > 0;
}

static size_t queued(void *layer)
{
    const struct tls_connection *connection = layer;

    return connection->out.len;
}

static void on_free(void *layer)
{
    struct tls_connection *connection = layer;

    /* A connection that ends without close_notify would take its session with it: a kept
     * connection that is closed is no reason for that (RFC 8446 section 6.1). */
    if (connection->sessions && connection->is_open)
        SSL_set_shutdown(connection->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    tls_verification_release(connection->ssl);
    SSL_free(connection->ssl);
    chain_clear(&connection->held);
    chain_clear(&connection->out);
    free(connection->server_name);
    free(connection);
}

static const struct stream_layer layer_functions = {
    .read = on_read,
    .write = on_write,
    .handshake = on_handshake,
    .end = on_end,
    .has_pending = has_pending,
    .queued = queued,
    .free = on_free,
};

struct tls_connection *tls_connection_new(struct tls_context *context, struct chain_pool *pool)
{
    struct tls_connection *connection = memory_zeroed(1, sizeof(*connection));
    BIO *bio = BIO_new(context->contexts->method);

    connection->ssl = SSL_new(context->ssl);
    if (!connection->ssl || !bio)
        memory_exhausted(0);
    connection->context = context;
    connection->failure = "";
    chain_init(&connection->held, pool);
    chain_init(&connection->out, pool);
    BIO_set_data(bio, connection);
    BIO_set_init(bio, 1);
    SSL_set_bio(connection->ssl, bio, bio);
    SSL_set_app_data(connection->ssl, connection);
    SSL_set_msg_callback(connection->ssl, wire_on_message);
    SSL_set_msg_callback_arg(connection->ssl, connection);
    return connection;
}

void tls_connection_start(struct tls_connection *connection, struct stream *stream)
{
    stream_set_layer(stream, &layer_functions, connection);
    stream_layer_holds(stream, HANDSHAKE_MEMORY);
}

void tls_accept(struct stream *stream, struct tls_context *first, const struct tls_accept *accept)
{
    struct tls_connection *connection = tls_connection_new(first, &stream_loop(stream)->buffers);

    connection->accept = *accept;
    SSL_set_accept_state(connection->ssl);
    tls_connection_start(connection, stream);
}
