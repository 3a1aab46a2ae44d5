/* SPDX-License-Identifier: MIT */
/* Both sides of TLS by this room, on one loop, over a real connection. */
#ifndef TEST_TLS_CLIENT_RIG_H
#define TEST_TLS_CLIENT_RIG_H

#include "pki.h"
#include "tls/client.h"

struct client_rig {
    struct loop loop;
    struct arena arena;
    struct diag_list diags;
    struct tls_contexts *contexts;
    struct pki pki;
    struct tls_trust *roots; /* of pki's root */
    struct tls_identity *identity;
    struct tls_ticket_keys tickets;

    struct tls_server server; /* shows pki's leaf and middle; for tests to change */
    struct tls_client client; /* verifies leaf.test with roots; for tests to change */
    struct tls_sessions *sessions;

    struct stream *ours, *peer; /* the client's side, the server's */
    bool is_open, peer_is_open;
    enum error failed;
    bool was_unverified;
    char failure[128]; /* of the client */
    char asked[256];   /* the server's: SNI */
    char alpn[16];
    bool was_resumed;
    char got[64]; /* bytes that the client read */
    size_t got_len;
};

void client_rig_start(struct client_rig *rig);
void client_rig_stop(struct client_rig *rig);

/* The server shows this certificate, signed by pki's root, from now on. */
void client_rig_show(struct client_rig *rig, const struct pki_wish *wish);

/* Connects and waits until both are open, or the client has failed. Returns whether it is open. */
bool client_rig_connect(struct client_rig *rig);

/* Says a word from the server's side and waits until the client has it, and with it all tickets. */
void client_rig_talk(struct client_rig *rig);
void client_rig_disconnect(struct client_rig *rig);

#endif
