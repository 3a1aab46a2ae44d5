/* SPDX-License-Identifier: MIT */
/* The client's side of a handshake: who the server must be, and what is offered to it. */
#include "wire_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 255

static const unsigned char protocols[] = "\x02h2\x08http/1.1";
#define PROTOCOLS_LEN ((unsigned)sizeof(protocols) - 1)
#define H2_LEN        3u

static bool is_address(const char *name)
{
    struct in6_addr unused;

    return inet_pton(AF_INET, name, &unused) == 1 || inet_pton(AF_INET6, name, &unused) == 1;
}

/* Returns whether OpenSSL took everything; it refuses only for want of memory. */
static bool demand(struct tls_connection *connection, const struct tls_client *client,
                   const char *name)
{
    SSL *ssl = connection->ssl;
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    struct tls_contexts *contexts = connection->context->contexts;
    X509_STORE *store = client->trust ? tls_trust_store(client->trust) : tls_system_store(contexts);

    /* Without a name any certificate of a trusted authority would do. */
    assert(*name);
    connection->lacks_trust = !client->trust && !contexts->system.is_there;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    SSL_set_verify_depth(ssl, (int)client->verify_depth);
    return SSL_set1_verify_cert_store(ssl, store) &&
           (is_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(param, name)
                             : X509_VERIFY_PARAM_set1_host(param, name, 0));
}

static bool offer(struct tls_connection *connection, const struct tls_client *client,
                  const char *name)
{
    SSL *ssl = connection->ssl;
    unsigned skipped = client->offers_http2 ? 0 : H2_LEN;
    SSL_SESSION *session = NULL;

    if (client->sends_name && *name && !is_address(name) && !SSL_set_tlsext_host_name(ssl, name))
        return false;
    /* 0 is success here. */
    if (SSL_set_alpn_protos(ssl, protocols + skipped, PROTOCOLS_LEN - skipped) != 0)
        return false;
    if (connection->sessions)
        session = tls_sessions_take(connection->sessions);
    if (session && !SSL_set_session(ssl, session)) {
        SSL_SESSION_free(session);
        return false;
    }
    SSL_SESSION_free(session);
    return true;
}

void tls_connect(struct stream *stream, const struct tls_client *client,
                 struct tls_sessions *sessions)
{
    struct tls_connection *connection =
        tls_connection_new(client->context, &stream_loop(stream)->buffers);
    char name[NAME_MAX_LEN + 1];

    assert(client->name.len <= NAME_MAX_LEN);
    if (client->name.len > 0)
        memcpy(name, client->name.data, client->name.len);
    name[client->name.len] = '\0';
    connection->sessions = client->reuses_sessions ? sessions : NULL;
    SSL_set_connect_state(connection->ssl);
    if ((client->verify && !demand(connection, client, name)) || !offer(connection, client, name))
        memory_exhausted(0);
    tls_connection_start(connection, stream);
}

bool tls_is_unverified(const struct stream *stream)
{
    const struct tls_connection *connection = stream_layer(stream);

    return !connection->is_open && SSL_get_verify_mode(connection->ssl) == SSL_VERIFY_PEER &&
           SSL_get_verify_result(connection->ssl) != X509_V_OK;
}

/* ---- names ---- */

struct names {
    char *text;
    size_t size, len;
};

/* What does not fit is left out. */
static void add_name(struct names *names, const char *name, int len)
{
    size_t room = names->size - names->len;
    int written =
        snprintf(names->text + names->len, room, "%s%.*s", names->len > 0 ? ", " : "", len, name);

    if (written > 0 && (size_t)written < room)
        names->len += (size_t)written;
    else
        names->text[names->len] = '\0';
}

static void add_general_name(struct names *names, const GENERAL_NAME *name)
{
    char address[INET6_ADDRSTRLEN] = "";
    const ASN1_STRING *value = name->type == GEN_IPADD ? name->d.iPAddress : name->d.dNSName;
    int len = ASN1_STRING_length(value);
    const unsigned char *data = ASN1_STRING_get0_data(value);

    if (name->type == GEN_DNS)
        add_name(names, (const char *)data, len);
    else if (len == 4 || len == 16)
        add_name(names, inet_ntop(len == 4 ? AF_INET : AF_INET6, data, address, sizeof(address)),
                 INET6_ADDRSTRLEN);
}

static void add_common_name(struct names *names, X509 *certificate)
{
    char text[NAME_MAX_LEN + 1];
    int len = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text,
                                        (int)sizeof(text));

    if (len > 0)
        add_name(names, text, len);
}

static void add_names(struct names *names, X509 *certificate)
{
    GENERAL_NAMES *alternatives = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(alternatives, i);

        if (name->type == GEN_DNS || name->type == GEN_IPADD)
            add_general_name(names, name);
    }
    GENERAL_NAMES_free(alternatives);
    if (names->len == 0)
        add_common_name(names, certificate);
    ERR_clear_error();
}

bool tls_is_for_others(const struct stream *stream, char *names, size_t size)
{
    const struct tls_connection *connection = stream_layer(stream);
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(connection->ssl);
    long result = SSL_get_verify_result(connection->ssl);
    struct names list = {names, size, 0};

    *names = '\0';
    if (!tls_is_unverified(stream) || sk_X509_num(chain) < 1 ||
        (result != X509_V_ERR_HOSTNAME_MISMATCH && result != X509_V_ERR_IP_ADDRESS_MISMATCH))
        return false;
    add_names(&list, sk_X509_value(chain, 0));
    return true;
}
