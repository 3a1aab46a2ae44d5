/* SPDX-License-Identifier: MIT */
/* Clients' certificates: what a handshake has shown, and connections whose server asks for
 * something else since (CVE-2025-23419 is the same for sessions, which the session context sees
 * to). */
#include "connection_internal.h"

#include <math.h>

void verification_note(struct connection *connection)
{
    struct exchange_client *client = &connection->client;
    struct tls_peer *peer = tls_peer_new(connection->stream);

    connection->peer = peer;
    client->tls_client_verify = SLICE("NONE");
    if (!peer)
        return;
    client->tls_client_verify = peer->verify;
    client->tls_client_subject = peer->subject;
    client->tls_client_issuer = peer->issuer;
    client->tls_client_serial = peer->serial;
    client->tls_client_fingerprint = peer->fingerprint;
    client->tls_client_error = peer->error;
    /* Another certificate takes another handshake. */
    if (peer->error)
        connection->is_last = true;
}

bool verification_is_current(const struct connection *connection)
{
    const struct tenant_listener *listener = connection->listener->current;
    const struct tls_server *handshake, *today;

    if (!connection->client.is_tls || !listener)
        return true;
    handshake = tls_chosen_server(connection->stream);
    today = &tenant_find_server(listener, tls_server_name(connection->stream))->tls;
    return tls_verification_equal(&handshake->verification, &today->verification);
}

static void retire_list(struct connection_list *list)
{
    static const struct retirement how = {.limit = INFINITY};
    struct connection *connection, *next;

    for (connection = TAILQ_FIRST(list); connection; connection = next) {
        next = TAILQ_NEXT(connection, of_tenant);
        /* Handshakes are looked at when they are complete. */
        if (!connection->protocol || verification_is_current(connection))
            continue;
        connection->is_stale = true;
        connection_retire(connection, &how);
    }
}

void verification_retire_changed(struct frontend_tenant *tenant)
{
    retire_list(&tenant->idle);
    retire_list(&tenant->busy);
}
