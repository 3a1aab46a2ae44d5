/* SPDX-License-Identifier: MIT */
/* Clients' certificates: what a handshake has shown, and connections whose server asks for
 * something else since (CVE-2025-23419 is the same for sessions, which the session context sees
 * to). */
#include "connection_internal.h"
#include "registry_internal.h"

#include "base/log.h"

#include <math.h>
#include <stdio.h>

#define REFUSALS_PER_SECOND 5   /* lines, for each tenant here */
#define SUBJECT_SHOWN       256 /* bytes */

static bool may_tell(struct refusals *refusals, double now)
{
    if (now - refusals->since >= 1) {
        refusals->since = now;
        refusals->told = 0;
    }
    if (refusals->told < REFUSALS_PER_SECOND) {
        refusals->told++;
        return true;
    }
    refusals->untold++;
    return false;
}

/* The client only hears that it is refused: who runs the gateway is asked why. */
static void tell_refusal(const struct connection *connection, const struct tls_peer *peer)
{
    struct frontend_tenant *tenant = connection->listener->tenant;
    struct slice reason = SLICE("none was sent"), failed = SLICE("FAILED:");
    char others[64] = "";

    if (!log_is_enabled(LOG_LEVEL_NOTICE) ||
        !may_tell(&tenant->refusals, loop_now(tenant->frontend->config.loop)))
        return;
    if (slice_starts_with(peer->verify, failed))
        reason = slice_from(peer->verify, failed.len);
    if (tenant->refusals.untold > 0)
        snprintf(others, sizeof(others), "; %u more were not told before", tenant->refusals.untold);
    tenant->refusals.untold = 0;
    log_notice("tenant %.*s: client %.*s: certificate refused: %.*s%s%.*s%s%s",
               SLICE_PRINTF(frontend_tenant_name(tenant)),
               SLICE_PRINTF(connection->client.peer_host), SLICE_PRINTF(reason),
               peer->subject.len > 0 ? " (subject \"" : "",
               SLICE_PRINTF(slice_head(peer->subject, SUBJECT_SHOWN)),
               peer->subject.len > 0 ? "\")" : "", others);
}

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
    if (!peer->error)
        return;
    counting_retiring(connection, CLOSE_CERTIFICATE_REFUSED);
    tell_refusal(connection, peer);
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
    static const struct retirement how = {.reason = CLOSE_VERIFICATION_CHANGED, .limit = INFINITY};
    struct connection *connection, *next;

    for (connection = TAILQ_FIRST(list); connection; connection = next) {
        next = TAILQ_NEXT(connection, of_tenant);
        /* Handshakes are looked at when they are complete. */
        if (connection->state == CONNECTION_HANDSHAKE || verification_is_current(connection))
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
