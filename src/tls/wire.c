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

/* ---- records ---- */

static size_t available(const struct tls_connection *connection)
{
    return connection->held.len + connection->unread_len;
}

static void peek(const struct tls_connection *connection, unsigned char *to, size_t len)
{
    size_t from_held = connection->held.len < len ? connection->held.len : len;

    chain_peek(&connection->held, 0, to, from_held);
    if (len > from_held)
        memcpy(to + from_held, connection->unread, len - from_held);
}

/* Bytes of the record that begins what is there (RFC 8446 section 5.1); 0: its header is not whole.
 * What is no record of TLS is OpenSSL's to refuse, at once. */
static size_t record_length(const struct tls_connection *connection)
{
    unsigned char header[SSL3_RT_HEADER_LENGTH];
    size_t len;

    if (available(connection) < sizeof(header))
        return 0;
    peek(connection, header, sizeof(header));
    len = (size_t)header[3] << 8 | header[4];
    if (header[0] < SSL3_RT_CHANGE_CIPHER_SPEC || header[0] > SSL3_RT_APPLICATION_DATA ||
        header[1] != SSL3_VERSION_MAJOR || len > SSL3_RT_MAX_ENCRYPTED_LENGTH)
        return available(connection);
    return sizeof(header) + len;
}

bool wire_has_record(const struct tls_connection *connection)
{
    size_t len = record_length(connection);

    return connection->record_left > 0 || (len > 0 && len <= available(connection));
}

bool wire_receive_record(struct tls_connection *connection)
{
    if (!wire_has_record(connection) && connection->may_receive > 0)
        receive(connection);
    return wire_has_record(connection) || connection->is_cut || connection->socket_error;
}

/* OpenSSL gets whole records only: its buffer for a part of one is 17 KiB, whatever has come. */
static bool begin_record(struct tls_connection *connection)
{
    (void)wire_receive_record(connection);
    if (!wire_has_record(connection))
        return false;
    connection->record_left = record_length(connection);
    return true;
}

static size_t take(struct tls_connection *connection, char *data, size_t len)
{
    bool is_held = connection->held.len > 0;
    struct slice from = is_held ? chain_first(&connection->held)
                                : (struct slice){connection->unread, connection->unread_len};

    from = slice_head(from, len < connection->record_left ? len : connection->record_left);
    memcpy(data, from.data, from.len);
    connection->record_left -= from.len;
    if (is_held) {
        chain_consume(&connection->held, from.len);
    } else {
        connection->unread += from.len;
        connection->unread_len -= from.len;
    }
    return from.len;
}

static int on_bio_read(BIO *bio, char *data, int size)
{
    struct tls_connection *connection = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (connection->is_flooded)
        return -1;
    if (connection->record_left == 0 && !begin_record(connection)) {
        if (connection->is_cut)
            return 0;
        if (!connection->socket_error)
            BIO_set_retry_read(bio);
        return -1;
    }
    return (int)take(connection, data, size > 0 ? (size_t)size : 0);
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
    if (connection->unread_len == 0)
        return;
    chain_append(&connection->held, connection->unread, connection->unread_len);
    chain_compact(&connection->held);
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
