/* SPDX-License-Identifier: MIT */
/* What the client's hello decides: the server, its certificates, the protocol above TLS. */
#include "wire_internal.h"

#define NAME_TYPE_HOST 0 /* RFC 6066 section 3 */

int tls_hello_server_name(const unsigned char *data, size_t len, char name[256])
{
    size_t list, size;

    /* ServerNameList: its length, then one entry: type, length, name. More than one name of a
     * type is forbidden, and there is no other type. */
    if (len < 5 || data[2] != NAME_TYPE_HOST)
        return -1;
    list = (size_t)data[0] << 8 | data[1];
    size = (size_t)data[3] << 8 | data[4];
    if (list != len - 2 || size != len - 5 || size == 0 || size > 255)
        return -1;
    data += 5;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = data[i];

        /* "byte string using ASCII encoding": what could forge a line of a log is refused. */
        if (c <= ' ' || c >= 0x7f)
            return -1;
        name[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    if (name[size - 1] == '.')
        size--;
    name[size] = '\0';
    return size > 0 ? 0 : -1;
}

/* Versions and groups stay with the SSL when its context changes: they are set here. */
static int use_context(struct tls_connection *connection, struct tls_context *context)
{
    SSL *ssl = connection->ssl;

    if (connection->context == context)
        return 0;
    connection->context = context;
    if (!SSL_set_SSL_CTX(ssl, context->ssl) ||
        !SSL_set_min_proto_version(ssl, context->min_version) ||
        !SSL_set_max_proto_version(ssl, context->max_version) ||
        !SSL_set1_groups_list(ssl, context->groups))
        return -1;
    return 0;
}

/* Returns NULL, or why the server cannot be presented. */
static const char *present(struct tls_connection *connection)
{
    const struct tls_server *server = connection->server;
    SSL *ssl = connection->ssl;
    uint32_t attached = 0;

    if (use_context(connection, server->context) < 0)
        return "the context cannot be used";
    if (!SSL_set_session_id_context(ssl, server->session_context, sizeof(server->session_context)))
        return "the session context cannot be used";
    if (!tls_verification_apply(&server->verification, ssl))
        return "clients' certificates cannot be verified";
    if (!server->tickets || server->tickets->count == 0) {
        SSL_set_options(ssl, SSL_OP_NO_TICKET);
        SSL_set_num_tickets(ssl, 0);
    }
    /* The last one of a kind wins in OpenSSL, the first one here. */
    for (uint32_t i = server->identity_count; i-- > 0;)
        attached += tls_identity_attach(server->identities[i], ssl) == 0;
    return attached > 0 ? NULL : "no usable certificate";
}

int tls_hello_on_client_hello(SSL *ssl, int *alert, void *argument)
{
    struct tls_connection *connection = SSL_get_app_data(ssl);
    const unsigned char *extension;
    size_t len;
    char name[256] = "";
    const char *problem;

    (void)argument;
    /* The hello that answers a HelloRetryRequest changes nothing (RFC 8446 section 4.1.2). */
    if (connection->server)
        return SSL_CLIENT_HELLO_SUCCESS;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &len)) {
        if (tls_hello_server_name(extension, len, name) < 0) {
            connection->failure = "malformed server name";
            *alert = SSL_AD_DECODE_ERROR;
            return SSL_CLIENT_HELLO_ERROR;
        }
        connection->server_name = memory_text(name);
    }

    wire_save(connection);
    connection->server = connection->accept.select(connection->accept.argument, slice_of(name));
    if (!connection->server) {
        connection->failure = "unknown server name";
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_CLIENT_HELLO_ERROR;
    }

    problem = present(connection);
    if (problem) {
        connection->failure = problem;
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* A server that used the name says so in its hello (RFC 6066 section 3). */
int tls_hello_on_server_name(SSL *ssl, int *alert, void *argument)
{
    const struct tls_connection *connection = SSL_get_app_data(ssl);

    (void)alert;
    (void)argument;
    return connection->server_name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

int tls_hello_on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                      const unsigned char *in, unsigned in_len, void *argument)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1\x08http/1.0";
    struct tls_connection *connection = SSL_get_app_data(ssl);
    const unsigned skipped = connection->server && connection->server->http2 ? 0 : 3;
    unsigned char *chosen;

    (void)argument;
    if (SSL_select_next_proto(&chosen, out_len, ours + skipped,
                              (unsigned)sizeof(ours) - 1 - skipped, in,
                              in_len) != OPENSSL_NPN_NEGOTIATED) {
        /* RFC 7301 section 3.2: no_application_protocol. */
        connection->failure = "no application protocol in common";
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}
