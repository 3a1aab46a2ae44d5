/* SPDX-License-Identifier: MIT */
/* What can be asked about the TLS of a stream. */
#include "tls_internal.h"

struct slice tls_server_name(const struct stream *stream)
{
    const struct tls_connection *connection = stream_layer(stream);

    return slice_of(connection->server_name ? connection->server_name : "");
}

struct slice tls_alpn(const struct stream *stream)
{
    const struct tls_connection *connection = stream_layer(stream);
    const unsigned char *name;
    unsigned len;

    SSL_get0_alpn_selected(connection->ssl, &name, &len);
    return (struct slice){(const char *)name, len};
}

const char *tls_protocol(const struct stream *stream)
{
    const struct tls_connection *connection = stream_layer(stream);

    return SSL_get_version(connection->ssl);
}

const char *tls_cipher(const struct stream *stream)
{
    const struct tls_connection *connection = stream_layer(stream);

    return SSL_get_cipher_name(connection->ssl);
}

/* Groups of TLS alone have no NID (SSL_get_negotiated_group(3)): such a one has no name. */
const char *tls_curve(const struct stream *stream)
{
    const struct tls_connection *connection = stream_layer(stream);
    int nid = (int)SSL_get_negotiated_group(connection->ssl);
    const char *name = nid & TLSEXT_nid_unknown ? NULL : OBJ_nid2sn(nid);

    return nid != NID_undef && name ? name : "";
}

bool tls_session_reused(const struct stream *stream)
{
    const struct tls_connection *connection = stream_layer(stream);

    return SSL_session_reused(connection->ssl) == 1;
}

const struct tls_server *tls_chosen_server(const struct stream *stream)
{
    const struct tls_connection *connection = stream_layer(stream);

    return connection->server;
}

const char *tls_failure(const struct stream *stream)
{
    const struct tls_connection *connection = stream_layer(stream);

    return connection->failure;
}
