/* SPDX-License-Identifier: MIT */
/* A loop with our server side of TLS on one end of a connection, and an OpenSSL client on the
 * other. */
#ifndef TEST_TLS_RIG_H
#define TEST_TLS_RIG_H

#include "tls/tls.h"

#include <openssl/ssl.h>

struct rig {
    struct loop loop;
    struct arena arena;
    struct diag_list diags;
    struct tls_contexts *contexts;
    struct tls_identity *identities[8]; /* that rig_identity made */
    int identity_count;

    const struct tls_server *chosen; /* what select returns; NULL refuses */
    int selects;
    char asked[256]; /* the name select was asked for */

    struct stream *stream;
    struct chain in;
    int opened, readable, drained;
    enum error failed, ended;
    bool keeps_away; /* on_readable does not read, and pauses */
    bool reads_once; /* and keeps away from then on */
    size_t limit;
    char failure[128]; /* tls_failure when it failed or ended in an error */

    SSL_CTX *client_context;
    SSL *client;
    int client_fd;
    int client_error;     /* of SSL_get_error(3), once the client is at its end */
    SSL_SESSION *session; /* the newest that the client got */
};

void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);

/* A self-signed certificate for the name. kind as pki_key. */
struct tls_identity *rig_identity(struct rig *rig, const char *name, const char *kind);

/* A context of these versions. */
struct tls_context *rig_context(struct rig *rig, uint32_t versions);

/* A fresh connection: the server's side under TLS, the client's ready to shake hands. version: of
 * the client, 0 for any. */
void rig_connect(struct rig *rig, struct tls_context *first, int version);
void rig_disconnect(struct rig *rig);

/* One turn of the loop, and one attempt of the client's handshake if it is not done. */
void rig_turn(struct rig *rig);

#define rig_until(rig, condition)                                                                  \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            cr_assert_lt(turns_, 5000, "waited in vain for " #condition " (%s)", (rig)->failure);  \
            rig_turn(rig);                                                                         \
        }                                                                                          \
    } while (0)

/* Both sides through with the handshake. */
#define rig_shake(rig)                                                                             \
    do {                                                                                           \
        rig_until(rig, (rig)->opened == 1 && SSL_is_init_finished((rig)->client));                 \
    } while (0)

/* The client's certificate of the server: its common name. */
void rig_peer_name(struct rig *rig, char name[64]);

/* Reads with the client: the count, 0 for none now, -1 at the end (see client_error). */
long rig_take(struct rig *rig, char *data, size_t size);
void rig_send(struct rig *rig, const void *data, size_t len);
void rig_write(struct rig *rig, const void *data, size_t len);

#endif
