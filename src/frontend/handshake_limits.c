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

/* A rate, and what this handshake is for it. */
struct asked_rate {
    struct cells_rates *rates; /* NULL: there is none */
    uint64_t hash;
    struct rates_ask ask;
};

static struct asked_rate ask(struct cells_rates *rates, struct slice key,
                             const struct config_rate *rate)
{
    if (!rates)
        return (struct asked_rate){0};
    return (struct asked_rate){
        rates, rates_hash(rates, key), {rates_now(), rate->rate, rate->burst}};
}

static bool would_pass(const struct asked_rate *asked)
{
    uint32_t excess;

    return !asked->rates || rates_look(asked->rates, asked->hash, &asked->ask, &excess);
}

static bool passes(const struct asked_rate *asked)
{
    uint32_t excess;

    return !asked->rates || rates_take(asked->rates, asked->hash, &asked->ask, &excess);
}

/* Who is refused, for whatever reason, costs nobody anything of a rate. So all are asked before one
 * is told; another worker may be quicker in between. */
static enum close_reason judge(const struct tenant *tenant, const struct address *peer)
{
    const struct config_tenant *config = &tenant->config;
    struct cells_counts *counts = tenant_counts(tenant, CONFIG_HANDSHAKES);
    struct asked_rate client = ask(tenant_rates(tenant, CONFIG_CLIENT_HANDSHAKES),
                                   address_prefix(peer), &config->client_handshakes);
    struct asked_rate all =
        ask(tenant_rates(tenant, CONFIG_TENANT_HANDSHAKES), ALL, &config->tenant_handshakes);
    enum close_reason reason = CLOSE_NONE;

    if (!would_pass(&client))
        return CLOSE_CLIENT_HANDSHAKE_RATE;
    if (!would_pass(&all))
        return CLOSE_TENANT_HANDSHAKE_RATE;
    if (counts &&
        counts_take(counts, counts_hash(counts, ALL), config->max_handshakes) != COUNTS_TAKEN)
        return CLOSE_MAX_HANDSHAKES;
    if (!passes(&client))
        reason = CLOSE_CLIENT_HANDSHAKE_RATE;
    else if (!passes(&all))
        reason = CLOSE_TENANT_HANDSHAKE_RATE;
    if (reason != CLOSE_NONE && counts)
        counts_give(counts, counts_hash(counts, ALL));
    return reason;
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

/* A line for one who was refused, where the default server asks for it: no name is known yet. What
 * the line tells of the client lies in its exchange: there is no connection. */
static void log_refusal(struct front_listener *listener, int fd, const struct address *peer,
                        enum close_reason reason)
{
    struct frontend *frontend = listener_frontend(listener);
    const struct config_settings *settings = listener->current->default_server->config->settings;
    struct address local = listener->current->config->address;
    const struct dispatch_origin origin = {.shared = frontend->shared,
                                           .tenant = listener->tenant->tenant,
                                           .listener = listener->current};
    struct exchange_client *client;
    struct exchange *exchange;
    char host[ADDRESS_TEXT];

    if (!settings->access_log_handshakes || settings->access_log_count == 0)
        return;
    if (address_is_wildcard(&local))
        address_of_socket(fd, &local);
    exchange = exchange_new(&frontend->exchanges, NULL, NULL, NULL);
    client = ARENA_NEW(&exchange->arena, struct exchange_client);
    *client = (struct exchange_client){.is_tls = true,
                                       .connection = ++frontend->serial,
                                       .accepted = exchange->started,
                                       .tls_seconds = -1,
                                       .closed = reason};
    address_format_host(peer, host);
    client->peer_host = arena_slice(&exchange->arena, slice_of(host));
    client->peer_port = address_port(peer);
    address_format_host(&local, host);
    client->local_host = arena_slice(&exchange->arena, slice_of(host));
    client->local_port = address_port(&local);
    exchange->client = client;
    exchange->error = ERROR_TLS;
    exchange->reason = slice_of(close_text(reason));
    dispatch_attend(exchange, frontend->config.backends, &origin);
    exchange_close(exchange);
}

bool handshake_limits_admit(struct front_listener *listener, int fd, const struct address *peer)
{
    struct frontend_tenant *tenant = listener->tenant;
    enum close_reason reason = CLOSE_NONE;

    if (listener->current->config->ssl)
        reason = judge(tenant->tenant, peer);
    if (reason == CLOSE_NONE)
        return true;
    counting_refused(tenant, reason);
    tell(tenant, peer, reason);
    log_refusal(listener, fd, peer, reason);
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
