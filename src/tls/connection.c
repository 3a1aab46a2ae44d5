/* SPDX-License-Identifier: MIT */
/* TLS under a stream: OpenSSL works on memory, the stream on the socket.
 *
 * A read takes ciphertext from the socket once, into the loop's scratch, and decrypts from there
 * straight into the caller's buffers. A write encrypts many records into pooled buffers and sends
 * them together. A connection that waits holds neither. */
#include "tls_internal.h"

#include <openssl/err.h>
#include <openssl/ssl3.h>
#include <stdlib.h>

/* Plaintext of a record. */
#define RECORD_MAX 16384
/* Ciphertext that one round of writing makes before it is sent. */
#define ROUND (64 * 1024)
/* Room at the tail of a chain for which it is still worth a read. */
#define READ_MIN 512
/* Ciphertext above the plaintext that is asked for: headers, tags, padding of a few records. */
#define READ_OVERHEAD 2048
#define RUNS_PER_CALL 16
/* Handshake messages after the handshake (KeyUpdate, attempts to renegotiate) cost us far more
 * than the peer: so many are free, and one more for every so many bytes. */
#define MESSAGES_FREE 16
#define MESSAGES_RATE ((uint64_t)1024 * 1024)

/* ---- OpenSSL's view of the wire ---- */

static void receive(struct tls_connection *connection)
{
    char *scratch = stream_loop(connection->stream)->scratch;
    long got = stream_socket_read(connection->stream, scratch, connection->may_receive);

    connection->may_receive = 0;
    if (got > 0) {
        connection->unread = scratch;
        connection->unread_len = (size_t)got;
        connection->received += (uint64_t)got;
    } else if (got == ERROR_END) {
        connection->is_cut = true;
    } else if (got < 0) {
        connection->socket_error = (enum error)got;
    }
}

static int on_bio_read(BIO *bio, char *data, int size)
{
    struct tls_connection *connection = BIO_get_data(bio);
    size_t len = size > 0 ? (size_t)size : 0;
    struct slice from;

    BIO_clear_retry_flags(bio);
    if (connection->is_flooded)
        return -1;
    if (connection->held.len > 0) {
        from = slice_head(chain_first(&connection->held), len);
        memcpy(data, from.data, from.len);
        chain_consume(&connection->held, from.len);
        return (int)from.len;
    }
    if (connection->unread_len == 0 && connection->may_receive > 0)
        receive(connection);
    if (connection->unread_len == 0) {
        if (connection->is_cut)
            return 0;
        if (!connection->socket_error)
            BIO_set_retry_read(bio);
        return -1;
    }
    from = slice_head((struct slice){connection->unread, connection->unread_len}, len);
    memcpy(data, from.data, from.len);
    connection->unread += from.len;
    connection->unread_len -= from.len;
    return (int)from.len;
}

static int on_bio_write(BIO *bio, const char *data, int size)
{
    struct tls_connection *connection = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (size > 0 && !connection->is_shut)
        chain_append(&connection->out, data, (size_t)size);
    return size;
}

static long on_bio_control(BIO *bio, int command, long number, void *pointer)
{
    const struct tls_connection *connection = BIO_get_data(bio);

    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_FLUSH)
        return 1;
    if (command == BIO_CTRL_EOF)
        return connection->is_cut;
    return 0;
}

BIO_METHOD *tls_connection_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");

    if (method && BIO_meth_set_read(method, on_bio_read) &&
        BIO_meth_set_write(method, on_bio_write) && BIO_meth_set_ctrl(method, on_bio_control))
        return method;
    BIO_meth_free(method);
    return NULL;
}

static void on_message(int is_ours, int version, int type, const void *data, size_t len, SSL *ssl,
                       void *argument)
{
    struct tls_connection *connection = argument;

    (void)version;
    (void)data;
    (void)len;
    (void)ssl;
    if (is_ours || type != SSL3_RT_HANDSHAKE || !connection->is_open)
        return;
    connection->messages++;
    if (connection->messages > MESSAGES_FREE + connection->received / MESSAGES_RATE)
        connection->is_flooded = true;
}

/* ---- what every call does ---- */

void tls_connection_save(struct tls_connection *connection)
{
    if (connection->unread_len > 0)
        chain_append(&connection->held, connection->unread, connection->unread_len);
    connection->unread_len = 0;
}

static void enter(struct tls_connection *connection, struct stream *stream, size_t may_receive)
{
    ERR_clear_error();
    connection->stream = stream;
    connection->may_receive = may_receive < LOOP_SCRATCH ? may_receive : LOOP_SCRATCH;
}

static void leave(struct tls_connection *connection)
{
    tls_connection_save(connection);
    connection->may_receive = 0;
    connection->stream = NULL;
}

/* Sends what was encrypted. Returns 0 when all is gone, 1 when the socket takes no more, or an
 * error. */
static int push(struct tls_connection *connection, struct stream *stream)
{
    while (connection->out.len > 0) {
        struct iovec iov[RUNS_PER_CALL];
        size_t wanted = 0;
        int count = chain_iovec(&connection->out, iov, RUNS_PER_CALL);
        long sent = stream_socket_write(stream, iov, count);

        if (sent < 0)
            return (int)sent;
        for (int i = 0; i < count; i++)
            wanted += iov[i].iov_len;
        chain_consume(&connection->out, (size_t)sent);
        if ((size_t)sent < wanted)
            return 1;
    }
    return 0;
}

static void note_failure(struct tls_connection *connection, unsigned long code)
{
    const char *reason = ERR_reason_error_string(code);

    if (*connection->failure)
        return;
    if (connection->is_flooded)
        connection->failure = "too many handshake messages";
    else if (reason)
        connection->failure = reason;
}

/* What a call of OpenSSL that returned result means: 0 to wait for the socket, or an error. */
static int judge(struct tls_connection *connection, int result)
{
    unsigned long code;

    switch (SSL_get_error(connection->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return ERROR_END;
    default:
        break;
    }
    code = ERR_peek_error();
    note_failure(connection, code);
    ERR_clear_error();
    if (connection->socket_error)
        return connection->socket_error;
    if (connection->is_cut && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return ERROR_TRUNCATED;
    return ERROR_TLS;
}

/* ---- the layer's functions ---- */

static int on_handshake(void *layer, struct stream *stream, bool *wants_write)
{
    struct tls_connection *connection = layer;
    int result, verdict = 0, pushed;

    enter(connection, stream, LOOP_SCRATCH);
    result = SSL_do_handshake(connection->ssl);
    if (result == 1)
        connection->is_open = true;
    else
        verdict = judge(connection, result);
    /* An alert leaves, too. */
    pushed = push(connection, stream);
    leave(connection);
    if (verdict < 0)
        return verdict;
    if (pushed < 0)
        return pushed;
    *wants_write = connection->out.len > 0;
    return result == 1;
}

static long on_read(void *layer, struct stream *stream, struct chain *into, size_t limit)
{
    struct tls_connection *connection = layer;
    size_t total = 0;
    int verdict = 0;

    if (connection->ended)
        return connection->ended;
    enter(connection, stream, limit < LOOP_SCRATCH ? limit + READ_OVERHEAD : LOOP_SCRATCH);
    while (total < limit) {
        size_t room, got = 0, left = limit - total;
        char *to = chain_reserve(into, left < READ_MIN ? left : READ_MIN, &room);
        int result = SSL_read_ex(connection->ssl, to, room < left ? room : left, &got);

        chain_commit(into, got);
        if (result != 1) {
            verdict = judge(connection, result);
            break;
        }
        total += got;
        /* Whatever else the socket has, the loop will tell. */
        connection->may_receive = 0;
    }
    if (verdict < 0) {
        connection->ended = (enum error)verdict;
        if (verdict != ERROR_END)
            (void)push(connection, stream);
    }
    leave(connection);
    return total > 0 ? (long)total : verdict;
}

/* What becomes the next record: the first run, or, when the next ones fit in whole, their copy:
 * the head and the body of a small response are one record. */
static struct slice next_piece(const struct chain *queue, char *scratch)
{
    struct iovec iov[RUNS_PER_CALL];
    int count = chain_iovec(queue, iov, RUNS_PER_CALL);
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
            int verdict = judge(connection, result);

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
    int verdict = push(connection, stream);

    if (verdict != 0 || queue->len == 0)
        return verdict;
    enter(connection, stream, 0);
    while (verdict == 0 && queue->len > 0) {
        verdict = encrypt(connection, queue, stream_loop(stream)->scratch);
        if (verdict == 0)
            verdict = push(connection, stream);
    }
    leave(connection);
    return verdict;
}

static int on_end(void *layer, struct stream *stream)
{
    struct tls_connection *connection = layer;
    bool is_broken = connection->ended && connection->ended != ERROR_END;

    if (!connection->is_shut && !is_broken) {
        enter(connection, stream, 0);
        (void)SSL_shutdown(connection->ssl);
        ERR_clear_error();
        leave(connection);
        connection->is_shut = true;
    }
    return push(connection, stream);
}

static bool has_pending(void *layer)
{
    const struct tls_connection *connection = layer;

    return connection->ended || connection->held.len > 0 || SSL_pending(connection->ssl) > 0;
}

static size_t queued(void *layer)
{
    const struct tls_connection *connection = layer;

    return connection->out.len;
}

static void on_free(void *layer)
{
    struct tls_connection *connection = layer;

    SSL_free(connection->ssl);
    chain_clear(&connection->held);
    chain_clear(&connection->out);
    free(connection->server_name);
    free(connection);
}

const struct stream_layer tls_connection_layer = {
    .read = on_read,
    .write = on_write,
    .handshake = on_handshake,
    .end = on_end,
    .has_pending = has_pending,
    .queued = queued,
    .free = on_free,
};

void tls_accept(struct stream *stream, struct tls_context *first, const struct tls_accept *accept)
{
    struct tls_connection *connection = memory_zeroed(1, sizeof(*connection));
    struct loop *loop = stream_loop(stream);
    BIO *bio = BIO_new(first->contexts->method);

    connection->ssl = SSL_new(first->ssl);
    if (!connection->ssl || !bio)
        memory_exhausted(0);
    connection->context = first;
    connection->accept = *accept;
    connection->failure = "";
    chain_init(&connection->held, &loop->buffers);
    chain_init(&connection->out, &loop->buffers);
    BIO_set_data(bio, connection);
    BIO_set_init(bio, 1);
    SSL_set_bio(connection->ssl, bio, bio);
    SSL_set_app_data(connection->ssl, connection);
    SSL_set_msg_callback(connection->ssl, on_message);
    SSL_set_msg_callback_arg(connection->ssl, connection);
    SSL_set_accept_state(connection->ssl);
    stream_set_layer(stream, &tls_connection_layer, connection);
}
