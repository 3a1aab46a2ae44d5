/* SPDX-License-Identifier: MIT */
/* What OpenSSL takes for the wire: memory, filled from the socket and emptied to it. */
#include "wire_internal.h"

#include <openssl/err.h>
#include <openssl/ssl3.h>

#define RUNS_PER_CALL 16
/* Handshake messages after the handshake (KeyUpdate, attempts to renegotiate) cost us far more
 * than the peer: so many are free, and one more for every so many bytes. */
#define MESSAGES_FREE 16
#define MESSAGES_RATE ((uint64_t)1024 * 1024)

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

BIO_METHOD *wire_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");

    if (method && BIO_meth_set_read(method, on_bio_read) &&
        BIO_meth_set_write(method, on_bio_write) && BIO_meth_set_ctrl(method, on_bio_control))
        return method;
    BIO_meth_free(method);
    return NULL;
}

void wire_on_message(int is_ours, int version, int type, const void *data, size_t len, SSL *ssl,
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

void wire_save(struct tls_connection *connection)
{
    if (connection->unread_len > 0)
        chain_append(&connection->held, connection->unread, connection->unread_len);
    connection->unread_len = 0;
}

void wire_enter(struct tls_connection *connection, struct stream *stream, size_t may_receive)
{
    ERR_clear_error();
    connection->stream = stream;
    connection->may_receive = may_receive < LOOP_SCRATCH ? may_receive : LOOP_SCRATCH;
}

void wire_leave(struct tls_connection *connection)
{
    wire_save(connection);
    connection->may_receive = 0;
    connection->stream = NULL;
}

int wire_push(struct tls_connection *connection, struct stream *stream)
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
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        connection->failure =
            connection->lacks_trust
                ? "the system has no CA certificates to verify with"
                : X509_verify_cert_error_string(SSL_get_verify_result(connection->ssl));
    else if (connection->is_flooded)
        connection->failure = "too many handshake messages";
    else if (reason)
        connection->failure = reason;
}

int wire_judge(struct tls_connection *connection, int result)
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
