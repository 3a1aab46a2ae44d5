/* SPDX-License-Identifier: MIT */
/* Who may begin a handshake: handshake_rate and max_handshakes, over all workers of the tenant,
 * judged when a connection is accepted, before any cryptography. */
#include "connection_internal.h"
#include "registry_internal.h"

#include "base/log.h"
#include "io/socket.h"

#include <unistd.h>

#define TELL_SECONDS 10.0 /* between two lines of one reason */

/* What all clients together are counted by. */
#define ALL SLICE("")

static bool is_within(struct cells_rates *rates, struct slice key, const struct config_rate *rate)
{
    struct rates_ask ask = {rates_now(), rate->rate, rate->burst};
    uint32_t excess;

    return !rates || rates_take(rates, rates_hash(rates, key), &ask, &excess);
}

/* A client that is refused costs the others nothing of what they may do together. */
static enum close_reason judge(const struct tenant *tenant, const struct address *peer)
{
    const struct config_tenant *config = &tenant->config;
    struct cells_counts *counts = tenant_counts(tenant, CONFIG_HANDSHAKES);

    if (!is_within(tenant_rates(tenant, CONFIG_CLIENT_HANDSHAKES), address_prefix(peer),
                   &config->client_handshakes))
        return CLOSE_CLIENT_HANDSHAKE_RATE;
    if (!is_within(tenant_rates(tenant, CONFIG_TENANT_HANDSHAKES), ALL, &config->tenant_handshakes))
        return CLOSE_TENANT_HANDSHAKE_RATE;
    if (counts &&
        counts_take(counts, counts_hash(counts, ALL), config->max_handshakes) != COUNTS_TAKEN)
        return CLOSE_MAX_HANDSHAKES;
    return CLOSE_NONE;
}

static void tell(struct frontend_tenant *tenant, const struct address *peer,
                 enum close_reason reason)
{
    struct refused_handshakes *refused =
        &tenant->refused_handshakes[reason - CLOSE_CLIENT_HANDSHAKE_RATE];
    double now = loop_now(tenant->frontend->config.loop);
    char host[ADDRESS_TEXT];

    if (refused->told > 0 && now - refused->told < TELL_SECONDS) {
        refused->untold++;
        return;
    }
    address_format_host(peer, host);
    log_warn("tenant %.*s: client %s: refused before its handshake: %s: %s; so were %llu others "
             "since that was told last",
             SLICE_PRINTF(frontend_tenant_name(tenant)), host, close_token(reason),
             close_text(reason), (unsigned long long)refused->untold);
    *refused = (struct refused_handshakes){.told = now};
}

bool handshake_limits_admit(struct front_listener *listener, int fd, const struct address *peer)
{
    struct frontend_tenant *tenant = listener->tenant;
    enum close_reason reason = CLOSE_NONE;

    if (listener->current->config->ssl)
        reason = judge(tenant->tenant, peer);
    if (reason == CLOSE_NONE)
        return true;
    tenant->refused++;
    tell(tenant, peer, reason);
    socket_reset_on_close(fd);
    close(fd);
    return false;
}

void handshake_limits_leave(struct connection *connection)
{
    struct cells_counts *counts = NULL;

    if (connection->tenant)
        counts = tenant_counts(connection->tenant, CONFIG_HANDSHAKES);
    if (counts)
        counts_give(counts, counts_hash(counts, ALL));
}
