/* SPDX-License-Identifier: MIT */
/* A tenant's chains and keys, each pair once, and what its servers present of them. */
#include "tenant_internal.h"

#include "base/memory.h"

struct tenant_identities {
    char *bytes; /* all DER in one piece, wiped at the end: a bundle's mapping goes away */
    size_t size;
    struct tls_der *der; /* point into bytes */
    struct tls_identity **items;
    uint32_t count; /* as in the bundle, same order */
};

static size_t identity_size(const struct tls_der *der)
{
    size_t size = der->key.len + der->serial.len;
    for (uint32_t i = 0; i < der->chain_count; i++)
        size += der->chain[i].len;
    return size;
}

static void move_slice(struct slice *slice, char **at)
{
    if (slice->len > 0)
        memcpy(*at, slice->data, slice->len);
    slice->data = *at;
    *at += slice->len;
}

static struct tenant_identities *identities_new(struct arena *arena, const struct bundle *bundle)
{
    struct tenant_identities *identities = ARENA_NEW(arena, struct tenant_identities);
    identities->count = bundle->identity_count;
    identities->der = ARENA_ARRAY(arena, struct tls_der, bundle->identity_count);
    identities->items = ARENA_ARRAY(arena, struct tls_identity *, bundle->identity_count);
    for (uint32_t i = 0; i < bundle->identity_count; i++)
        identities->size += identity_size(&bundle->identities[i].der);
    identities->bytes = memory_alloc(identities->size > 0 ? identities->size : 1);

    char *at = identities->bytes;
    for (uint32_t i = 0; i < identities->count; i++) {
        struct tls_der *der = &identities->der[i];
        *der = bundle->identities[i].der;
        for (uint32_t c = 0; c < der->chain_count; c++)
            move_slice(&der->chain[c], &at);
        move_slice(&der->key, &at);
        move_slice(&der->serial, &at);
        identities->items[i] = tls_identity_new(der);
    }
    return identities;
}

void tenant_identities_free(struct tenant_identities *identities)
{
    if (!identities)
        return;
    for (uint32_t i = 0; i < identities->count; i++)
        tls_identity_free(identities->items[i]);
    memory_wipe_free(identities->bytes, identities->size);
}

void tenant_identities_forget(struct tenant_identities *identities)
{
    for (uint32_t i = 0; i < identities->count; i++) {
        if (tls_identity_is_decoded(identities->items[i]))
            tls_identity_forget(identities->items[i]);
    }
}

struct tls_context *tenant_server_context(const struct config_server *server,
                                          struct tls_contexts *contexts, struct diag_list *diags)
{
    const struct config_settings *settings = server->settings;
    const struct tls_policy policy = {.versions = settings->ssl_protocols,
                                      .ciphers = settings->ssl_ciphers.text,
                                      .ciphers_place = settings->ssl_ciphers.place,
                                      .groups = settings->ssl_ecdh_curve.text,
                                      .groups_place = settings->ssl_ecdh_curve.place};
    return tls_context_get(contexts, &policy, diags);
}

/* Sessions are for one server of one tenant. Its first name tells servers apart whatever else the
 * file has; servers with the same first name are counted. */
static void set_session_context(const struct tenant *tenant, struct tenant_server *server)
{
    struct slice name = server->config->names[0].written;
    uint32_t twins = 0;
    for (const struct tenant_server *other = tenant->servers; other < server; other++)
        twins += slice_equal(other->config->names[0].written, name);
    const struct slice parts[] = {
        tenant->config.name,
        name,
        {(const char *)&twins, sizeof(twins)},
        {(const char *)server->tls.verification.hash, sizeof(server->tls.verification.hash)},
    };
    tls_session_context(server->tls.session_context, parts, sizeof(parts) / sizeof(*parts));
}

/* Servers name pairs in the order in which the bundle has them, so a search that goes on from the
 * last hit nearly always ends at once. */
static uint32_t find_identity(const struct bundle *bundle, const struct config_certificate *pair,
                              uint32_t hint)
{
    for (uint32_t n = 0; n < bundle->identity_count; n++) {
        uint32_t i = (hint + n) % bundle->identity_count;
        const struct bundle_identity *identity = &bundle->identities[i];
        if (slice_equal(identity->certificate_path, pair->certificate) &&
            slice_equal(identity->key_path, pair->key))
            return i;
    }
    return bundle->identity_count;
}

static uint32_t server_identities(struct tenant *tenant, const struct bundle *bundle,
                                  struct tenant_server *server, uint32_t hint,
                                  struct diag_list *diags)
{
    const struct config_server *config = server->config;
    server->tls.identities =
        ARENA_ARRAY(&tenant->config.arena, struct tls_identity *, config->certificate_count);
    for (uint32_t i = 0; i < config->certificate_count; i++) {
        const struct config_certificate *pair = &config->certificates[i];
        uint32_t found = find_identity(bundle, pair, hint);
        if (found == bundle->identity_count) {
            diag_error(diags, pair->place, "the certificate \"%.*s\" has not been examined",
                       SLICE_PRINTF(pair->certificate));
            continue;
        }
        server->tls.identities[server->tls.identity_count++] = tenant->identities->items[found];
        hint = found;
    }
    return hint;
}

void tenant_identities_build(struct tenant *tenant, const struct bundle *bundle,
                             struct tls_contexts *contexts, struct diag_list *diags)
{
    if (bundle->identity_count > 0)
        tenant->identities = identities_new(&tenant->config.arena, bundle);
    uint32_t hint = 0;
    for (uint32_t l = 0; l < tenant->config.listen_count; l++) {
        const struct config_listen *listen = &tenant->config.listens[l];
        for (uint32_t s = 0; listen->ssl && s < listen->server_count; s++) {
            struct tenant_server *server = &tenant->servers[listen->servers[s]];
            if (server->tls.identities)
                continue; /* seen at another listener */
            server->tls.context = tenant_server_context(server->config, contexts, diags);
            server->tls.http2 = server->config->settings->http2;
            tenant_verification_build(tenant, bundle, server, diags);
            set_session_context(tenant, server);
            hint = server_identities(tenant, bundle, server, hint, diags);
        }
    }
}
