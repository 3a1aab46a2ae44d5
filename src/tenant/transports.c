/* SPDX-License-Identifier: MIT */
/* What a tenant's connections to its upstreams are made with: TLS, and what is trusted there. */
#include "tenant_internal.h"

#include "base/memory.h"

#include <stdlib.h>

/* As many as the bundle has, same order. */
static void make_trusts(struct tenant *tenant, const struct bundle *bundle)
{
    tenant->trusts = ARENA_ARRAY(&tenant->config.arena, struct tls_trust *, bundle->trust_count);
    tenant->trust_count = bundle->trust_count;
    for (uint32_t i = 0; i < bundle->trust_count; i++)
        tenant->trusts[i] =
            tls_trust_new(bundle->trusts[i].certificates, bundle->trusts[i].certificate_count);
}

struct tls_context *tenant_transport_context(const struct config_transport *transport,
                                             struct tls_contexts *contexts, struct diag_list *diags)
{
    const struct tls_policy policy = {.versions = transport->protocols,
                                      .ciphers = transport->ciphers.text,
                                      .ciphers_place = transport->ciphers.place};
    return tls_client_context_get(contexts, &policy, diags);
}

/* Connections and sessions outlive a reload only if they were made under the very same terms: the
 * certificates that are trusted are among them, not only their file's name. */
static void set_identity(struct tenant *tenant, struct tenant_upstream *upstream,
                         const struct bundle_trust *trust)
{
    struct arena *arena = &tenant->config.arena;
    const struct config_upstream *config = upstream->config;
    uint32_t count = trust ? trust->certificate_count : 0;
    struct slice *parts = memory_alloc((count + (size_t)1) * sizeof(*parts));
    unsigned char hash[32];
    parts[0] = config->transport->identity;
    if (count > 0)
        memcpy(&parts[1], trust->certificates, count * sizeof(*parts));
    tls_session_context(hash, parts, count + 1);
    free(parts);

    size_t len = config->name.len + 1 + sizeof(hash);
    char *text = arena_alloc(arena, len);
    memcpy(text, config->name.data, config->name.len);
    text[config->name.len] = '\0';
    memcpy(text + config->name.len + 1, hash, sizeof(hash));
    upstream->identity = (struct slice){text, len};
}

static void build_transport(struct tenant *tenant, const struct bundle *bundle,
                            struct tenant_upstream *upstream, struct tls_contexts *contexts,
                            struct diag_list *diags)
{
    const struct config_transport *transport = upstream->config->transport;
    const struct bundle_trust *trust = NULL;
    if (transport->is_tls)
        upstream->tls = (struct tls_client){
            .context = tenant_transport_context(transport, contexts, diags),
            .verify = transport->verify,
            .sends_name = transport->sends_name,
            .offers_http2 = transport->http2,
            .reuses_sessions = transport->reuses_sessions,
            .verify_depth = transport->verify_depth,
            .name = transport->name,
        };
    if (transport->trusted.len > 0) {
        trust = bundle_find_trust(bundle, transport->trusted);
        if (trust)
            upstream->tls.trust = tenant->trusts[trust - bundle->trusts];
        else
            diag_error(diags, transport->trusted_place,
                       "the certificates of \"%.*s\" have not been examined",
                       SLICE_PRINTF(transport->trusted));
    }
    set_identity(tenant, upstream, trust);
}

void tenant_transports_build(struct tenant *tenant, const struct bundle *bundle,
                             struct tls_contexts *contexts, struct diag_list *diags)
{
    make_trusts(tenant, bundle);
    for (uint32_t i = 0; i < tenant->upstream_count; i++) {
        struct tenant_upstream *upstream = &tenant->upstreams[i];
        if (upstream->config->transport)
            build_transport(tenant, bundle, upstream, contexts, diags);
    }
}
