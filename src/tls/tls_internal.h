/* SPDX-License-Identifier: MIT */
/* What the files of the TLS room share: contexts, connections, identities. */
#ifndef TLS_TLS_INTERNAL_H
#define TLS_TLS_INTERNAL_H

#include "tls/client.h"
#include "tls/tls.h"

#include <openssl/ssl.h>

/* uthash's way of saying so. */
#define uthash_fatal(message) memory_exhausted(0)
#include "base/memory.h"

#include <uthash.h>

/* The system's CA certificates. */
struct tls_system {
    struct slice pem;  /* not ours */
    X509_STORE *store; /* NULL: not needed so far */
    bool is_there;     /* the store has a certificate */
};

struct tls_contexts {
    struct tls_context *by_policy;
    BIO_METHOD *method;
    EVP_CIPHER *ticket_cipher; /* fetched once, not per ticket */
    struct tls_system system;
};

struct tls_context {
    UT_hash_handle hh;
    struct tls_contexts *contexts;
    SSL_CTX *ssl;
    int min_version, max_version;
    char *groups;
    char *policy; /* the key: its texts joined */
};

/* The layer under one stream. */
struct tls_connection {
    SSL *ssl;
    struct stream *stream; /* set while one of the layer's functions runs */
    struct tls_context *context;
    struct tls_accept accept;
    const struct tls_server *server; /* NULL until the client's hello was read */
    struct tls_sessions *sessions;   /* where the client's new ones go; NULL: nowhere */
    char *server_name;               /* NULL: none was sent */
    struct chain held;               /* ciphertext that was read and not yet decrypted */
    struct chain out;                /* ciphertext that the socket did not take yet */
    const char *unread;              /* the same as held, in the loop's scratch, within a call */
    size_t unread_len;
    size_t record_left;  /* bytes of the record that OpenSSL is reading */
    size_t may_receive;  /* bytes that this call may still take from the socket, at one go */
    uint64_t received;   /* ciphertext in all */
    long session_ends;   /* of the ticket that the client showed; seconds since 1970 */
    unsigned messages;   /* handshake messages since the handshake */
    const char *failure; /* constant */
    enum error ended;    /* how reading ended; told once the bytes before it were */
    enum error socket_error;
    bool is_open;     /* the handshake is complete */
    bool lacks_trust; /* the server is to be verified, and there is nothing to do it with */
    bool is_flooded;  /* too many handshake messages */
    bool is_cut;      /* the socket ended */
    bool is_shut;     /* close_notify was made; nothing may follow it */
};

/* ---- connection.c ---- */

struct tls_connection *tls_connection_new(struct tls_context *context, struct chain_pool *pool);

/* Puts it under the stream, which owns it from now on; its SSL knows its side. */
void tls_connection_start(struct tls_connection *connection, struct stream *stream);

/* ---- session.c ---- */

int tls_session_on_new(SSL *ssl, SSL_SESSION *session);

/* The best one for a new connection, with a reference for the caller; NULL when there is none. */
SSL_SESSION *tls_sessions_take(struct tls_sessions *sessions);
void tls_sessions_clear(struct tls_sessions *sessions);

/* ---- trust.c ---- */

/* Never NULL; a certificate that cannot be decoded is missing, and the log tells. */
X509_STORE *tls_trust_store(struct tls_trust *trust);
/* Whom the certificates name, to be told to clients; empty when that would not fit a handshake. */
STACK_OF(X509_NAME) * tls_trust_names(struct tls_trust *trust);
/* An empty one, never NULL. */
X509_STORE *tls_store_new(void);

/* ---- system.c ---- */

/* Never NULL; decoded at the first call. */
X509_STORE *tls_system_store(struct tls_contexts *contexts);
void tls_system_free(struct tls_system *system);

/* ---- verification.c ---- */

/* Asks the client for a certificate, if that is wanted. False only for want of memory. */
bool tls_verification_apply(const struct tls_verification *verification, SSL *ssl);
/* Before SSL_free: the names that it tells clients are the trust's. */
void tls_verification_release(SSL *ssl);

/* ---- hello.c: what the client's first message decides ---- */

int tls_hello_on_client_hello(SSL *ssl, int *alert, void *argument);
int tls_hello_on_server_name(SSL *ssl, int *alert, void *argument);
int tls_hello_on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                      const unsigned char *in, unsigned in_len, void *argument);

/* Reads a server_name extension (RFC 6066 section 3) strictly. name: room for 256 bytes, gets the
 * host name in lower case without final dot, NUL-terminated. Returns 0 or -1. */
int tls_hello_server_name(const unsigned char *data, size_t len, char name[256]);

/* ---- ticket.c ---- */

int tls_ticket_on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                      EVP_MAC_CTX *mac, int encrypt);
SSL_TICKET_RETURN tls_ticket_on_open(SSL *ssl, SSL_SESSION *session, const unsigned char *key_name,
                                     size_t key_name_len, SSL_TICKET_STATUS status, void *argument);
int tls_ticket_on_issue(SSL *ssl, void *argument);

/* ---- identity.c ---- */

/* Decodes at need and gives the pair to the connection. Returns 0 or ERROR_CERTIFICATE. */
int tls_identity_attach(struct tls_identity *identity, SSL *ssl);

#endif
