/* SPDX-License-Identifier: MIT */
/* What a tenant's servers ask of their clients' certificates. */
#include "tenant_internal.h"

#include "base/memory.h"

#include <stdlib.h>

/* What has been examined of a file; NULL for no file, and with an error. */
static const struct bundle_trust *find(const struct bundle *bundle, const struct config_file *file,
                                       struct diag_list *diags)
{
    if (file->path.len == 0)
        return NULL;
    const struct bundle_trust *trust = bundle_find_trust(bundle, file->path);
    if (!trust)
        diag_error(diags, file->place, "the certificates of \"%.*s\" have not been examined",
                   SLICE_PRINTF(file->path));
    return trust;
}

/* What several files hold, in one list. */
struct authorities {
    struct slice *certificates;
    uint32_t count;
};

static void add(struct authorities *authorities, const struct bundle_trust *trust)
{
    if (!trust)
        return;
    uint32_t count = authorities->count + trust->certificate_count;
    authorities->certificates =
        memory_resize(authorities->certificates, count * sizeof(*authorities->certificates));
    memcpy(&authorities->certificates[authorities->count], trust->certificates,
           trust->certificate_count * sizeof(*trust->certificates));
    authorities->count = count;
}

/* Equal for servers that ask the same, whatever their files are called. */
static void set_hash(struct tls_verification *verification, const struct authorities *authorities)
{
    uint32_t count = authorities->count;
    struct slice *parts = memory_alloc((count + (size_t)2) * sizeof(*parts));
    parts[0] = (struct slice){(const char *)&verification->mode, sizeof(verification->mode)};
    parts[1] = (struct slice){(const char *)&verification->depth, sizeof(verification->depth)};
    if (count > 0)
        memcpy(&parts[2], authorities->certificates, count * sizeof(*parts));
    tls_session_context(verification->hash, parts, count + 2);
    free(parts);
}

/* Two files make a trust of their own, once for all servers that have these two. */
static struct tls_trust *unite(const struct tenant *tenant, const struct tenant_server *server,
                               const struct authorities *authorities)
{
    const struct config_verification *config = server->config->verification;
    for (const struct tenant_server *other = tenant->servers; other < server; other++) {
        const struct config_verification *theirs = other->config->verification;
        if (theirs && other->tls.verification.trust &&
            slice_equal(theirs->named.path, config->named.path) &&
            slice_equal(theirs->trusted.path, config->trusted.path))
            return tls_trust_ref(other->tls.verification.trust);
    }
    return tls_trust_new(authorities->certificates, authorities->count);
}

static enum tls_verify mode_of(enum config_verify mode)
{
    switch (mode) {
    case VERIFY_ON:
        return TLS_VERIFY_ON;
    case VERIFY_OPTIONAL:
        return TLS_VERIFY_OPTIONAL;
    case VERIFY_OPTIONAL_NO_CA:
        return TLS_VERIFY_OPTIONAL_NO_CA;
    case VERIFY_OFF:
        break;
    }
    return TLS_VERIFY_OFF;
}

void tenant_verification_build(struct tenant *tenant, const struct bundle *bundle,
                               struct tenant_server *server, struct diag_list *diags)
{
    const struct config_verification *config = server->config->verification;
    struct tls_verification *verification = &server->tls.verification;
    if (!config)
        return;
    const struct bundle_trust *named = find(bundle, &config->named, diags);
    const struct bundle_trust *trusted = find(bundle, &config->trusted, diags);
    bool are_two = named && trusted && named != trusted;
    const struct bundle_trust *one = named ? named : trusted;
    struct authorities authorities = {0};
    add(&authorities, one);
    add(&authorities, are_two ? trusted : NULL);
    *verification =
        (struct tls_verification){.mode = mode_of(config->mode), .depth = config->depth};
    set_hash(verification, &authorities);
    if (are_two)
        verification->trust = unite(tenant, server, &authorities);
    else if (one)
        verification->trust = tls_trust_ref(tenant->trusts[one - bundle->trusts]);
    if (named)
        verification->named = tls_trust_ref(tenant->trusts[named - bundle->trusts]);
    tenant->verifies_clients = true;
    free(authorities.certificates);
}

void tenant_verification_free(struct tenant_server *server)
{
    tls_trust_unref(server->tls.verification.trust);
    tls_trust_unref(server->tls.verification.named);
}
