/* SPDX-License-Identifier: MIT */
/* Builds one tenant's runtime from its bundle, and takes it down again. */
#include "tenant_internal.h"

#include "base/error.h"
#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

static void build_servers(struct tenant *tenant, struct diag_list *diags)
{
    tenant->server_count = tenant->config.server_count;
    tenant->servers =
        ARENA_ARRAY(&tenant->config.arena, struct tenant_server, tenant->server_count);
    for (uint32_t i = 0; i < tenant->server_count; i++) {
        tenant->servers[i].config = &tenant->config.servers[i];
        tenant_locations_build(tenant, &tenant->servers[i], diags);
    }
}

static void build_listeners(struct tenant *tenant, struct diag_list *diags)
{
    tenant->listener_count = tenant->config.listen_count;
    tenant->listeners =
        ARENA_ARRAY(&tenant->config.arena, struct tenant_listener, tenant->listener_count);
    for (uint32_t i = 0; i < tenant->listener_count; i++) {
        const struct config_listen *config = &tenant->config.listens[i];
        tenant->listeners[i] = (struct tenant_listener){
            .config = config,
            .names = tenant_names_new(tenant, config, diags),
            .default_server = &tenant->servers[config->default_server],
        };
    }
}

/* The name that an endpoint's host was resolved to; NULL when the endpoint is an address. */
static const struct bundle_name *endpoint_name(const struct bundle *bundle,
                                               const struct config_endpoint *endpoint)
{
    return endpoint->address.len > 0 ? NULL
                                     : bundle_find_name(bundle, endpoint->host, endpoint->port);
}

static void build_upstream(struct tenant *tenant, const struct bundle *bundle,
                           struct tenant_upstream *upstream, struct diag_list *diags)
{
    const struct config_upstream *config = upstream->config;
    uint32_t count = 0;
    for (uint32_t i = 0; i < config->endpoint_count; i++) {
        const struct bundle_name *name = endpoint_name(bundle, &config->endpoints[i]);
        count += name ? name->address_count : 1;
    }
    upstream->endpoints = ARENA_ARRAY(&tenant->config.arena, struct tenant_endpoint, count);
    for (uint32_t i = 0; i < config->endpoint_count; i++) {
        const struct config_endpoint *endpoint = &config->endpoints[i];
        const struct bundle_name *name = endpoint_name(bundle, endpoint);
        if (endpoint->address.len > 0) {
            struct tenant_endpoint *made = &upstream->endpoints[upstream->endpoint_count++];
            made->config = endpoint;
            made->address = endpoint->address;
        } else if ((!name || name->address_count == 0) && !config->is_variant) {
            diag_error(diags, endpoint->place, "host not found in upstream \"%.*s\"",
                       SLICE_PRINTF(endpoint->text));
        }
        for (uint32_t a = 0; name && a < name->address_count; a++)
            upstream->endpoints[upstream->endpoint_count++] =
                (struct tenant_endpoint){endpoint, name->addresses[a]};
    }
}

static void build_upstreams(struct tenant *tenant, const struct bundle *bundle,
                            struct diag_list *diags)
{
    tenant->upstream_count = tenant->config.upstream_count;
    tenant->upstreams =
        ARENA_ARRAY(&tenant->config.arena, struct tenant_upstream, tenant->upstream_count);
    for (uint32_t i = 0; i < tenant->upstream_count; i++) {
        tenant->upstreams[i].config = &tenant->config.upstreams[i];
        build_upstream(tenant, bundle, &tenant->upstreams[i], diags);
    }
}

int bundle_build_model(const struct bundle *bundle, struct config_tenant *model,
                       struct diag_list *diags)
{
    const struct config_tenant_source source = {bundle->tenant, bundle->folder, bundle->defaults,
                                                bundle->root};

    return config_tenant_build(model, &source, diags);
}

struct tenant *tenant_new(const struct bundle *bundle, struct tls_contexts *contexts,
                          struct diag_list *diags)
{
    struct tenant *tenant = memory_zeroed(1, sizeof(*tenant));
    unsigned errors = diags->errors;
    tenant->references = 1;
    int result = bundle_build_model(bundle, &tenant->config, diags);
    if (result == 0) {
        /* From here on the model's arena takes the runtime too: both live equally long. */
        build_servers(tenant, diags);
        build_listeners(tenant, diags);
        build_upstreams(tenant, bundle, diags);
        tenant_transports_build(tenant, bundle, contexts, diags);
        tenant_identities_build(tenant, bundle, contexts, diags);
    }
    if (result != 0 || diags->errors != errors) {
        tenant_unref(tenant);
        return NULL;
    }
    return tenant;
}

struct tenant *tenant_ref(struct tenant *tenant)
{
    tenant->references++;
    return tenant;
}

void tenant_unref(struct tenant *tenant)
{
    assert(tenant->references > 0);
    if (--tenant->references > 0)
        return;
    for (uint32_t i = 0; i < tenant->server_count; i++)
        tenant_verification_free(&tenant->servers[i]);
    for (uint32_t i = 0; i < tenant->trust_count; i++)
        tls_trust_unref(tenant->trusts[i]);
    cells_map_free(tenant->cells);
    tenant_identities_free(tenant->identities);
    tenant_regexes_free(tenant->regexes);
    config_tenant_free(&tenant->config);
    memory_wipe_free(tenant, sizeof(*tenant)); /* the ticket keys */
}

int tenant_check(const struct config_tenant *model, struct tls_contexts *contexts,
                 struct diag_list *diags)
{
    unsigned errors = diags->errors;
    struct tenant_regexes *regexes = tenant_regexes_new(model->name);
    for (uint32_t s = 0; s < model->server_count; s++) {
        const struct config_server *server = &model->servers[s];
        for (uint32_t i = 0; i < server->name_count; i++) {
            if (server->names[i].kind == NAME_REGEX)
                tenant_regex_for_name(regexes, &server->names[i], diags);
        }
        for (uint32_t i = 0; i < server->location_count; i++)
            tenant_regex_for_location(regexes, &server->locations[i], diags);
        if (server->certificate_count > 0 || server->settings->ssl_ciphers.text.len > 0 ||
            server->settings->ssl_ecdh_curve.text.len > 0)
            tenant_server_context(server, contexts, diags);
    }
    for (uint32_t i = 0; i < model->upstream_count; i++) {
        const struct config_transport *transport = model->upstreams[i].transport;
        if (transport && transport->is_tls)
            tenant_transport_context(transport, contexts, diags);
    }
    tenant_regexes_free(regexes);
    return diags->errors == errors ? 0 : ERROR_CONFIG;
}

void tenant_set_tickets(struct tenant *tenant, const struct tls_ticket_keys *keys)
{
    tenant->tickets = *keys;
    for (uint32_t i = 0; i < tenant->server_count; i++)
        tenant->servers[i].tls.tickets = keys->count > 0 ? &tenant->tickets : NULL;
}

struct tenant_listener *tenant_find_listener(struct tenant *tenant, struct slice address)
{
    for (uint32_t i = 0; i < tenant->listener_count; i++) {
        if (slice_equal(tenant->listeners[i].config->text, address))
            return &tenant->listeners[i];
    }
    return NULL;
}

void tenant_trim(struct tenant *tenant)
{
    if (tenant->identities)
        tenant_identities_forget(tenant->identities);
    tenant_regexes_trim(tenant->regexes);
}
