/* SPDX-License-Identifier: MIT */
/* A plan's certificates: whose they are, of which kind, and when they expire. */
#include "files/plan.h"

#include "plan_internal.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void plan_certificate_free(struct plan_certificate *certificate)
{
    free(certificate->server);
    free(certificate->certificate);
    free(certificate->key);
    *certificate = (struct plan_certificate){0};
}

static bool plan_has_pair(const struct plan *plan, const struct config_certificate *pair)
{
    for (uint32_t i = 0; i < plan->certificate_count; i++) {
        const struct plan_certificate *known = &plan->certificates[i];

        if (slice_equal(slice_of(known->certificate), pair->certificate) &&
            slice_equal(slice_of(known->key), pair->key))
            return true;
    }
    return false;
}

static void plan_add_certificate(struct plan *plan, const struct config_server *server,
                                 const struct config_certificate *pair)
{
    if (plan_has_pair(plan, pair))
        return;
    plan->certificates[plan->certificate_count++] =
        (struct plan_certificate){.server = memory_slice_text(server->names[0].text),
                                  .certificate = memory_slice_text(pair->certificate),
                                  .key = memory_slice_text(pair->key)};
}

void plan_fill_certificates(struct plan *plan, const struct config_tenant *model)
{
    size_t most = 0;

    for (uint32_t i = 0; i < model->server_count; i++)
        most += model->servers[i].certificate_count;
    if (most == 0)
        return;
    plan->certificates = memory_zeroed(most, sizeof(plan->certificates[0]));
    for (uint32_t i = 0; i < model->server_count; i++) {
        for (uint32_t j = 0; j < model->servers[i].certificate_count; j++)
            plan_add_certificate(plan, &model->servers[i], &model->servers[i].certificates[j]);
    }
}

/* ---- once they were examined ---- */

static int by_expiry(const void *a, const void *b)
{
    const struct plan_certificate *left = a, *right = b;

    return (left->expires > right->expires) - (left->expires < right->expires);
}

/* Among the first that were kept. */
static bool plan_has_label(const struct plan *plan, uint32_t kept,
                           const struct plan_certificate *other)
{
    for (uint32_t i = 0; i < kept; i++) {
        if (plan->certificates[i].kind == other->kind &&
            strcmp(plan->certificates[i].server, other->server) == 0)
            return true;
    }
    return false;
}

/* Those that were found, the first to expire first. */
static void plan_sort_certificates(struct plan *plan, const struct bundle *bundle)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < plan->certificate_count; i++) {
        struct plan_certificate *certificate = &plan->certificates[i];
        const struct bundle_identity *identity = bundle_find_identity(
            bundle, slice_of(certificate->certificate), slice_of(certificate->key));

        if (!identity) {
            plan_certificate_free(certificate);
            continue;
        }
        certificate->kind = tls_kind_of(&identity->der);
        certificate->expires = identity->der.not_after;
        plan->certificates[found++] = *certificate;
    }
    plan->certificate_count = found;
    if (found > 1)
        qsort(plan->certificates, found, sizeof(plan->certificates[0]), by_expiry);
}

/* The first to expire of each name and kind; most are let go, so that little memory is held. */
static void plan_thin_certificates(struct plan *plan)
{
    uint32_t count = plan->certificate_count, kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct plan_certificate *certificate = &plan->certificates[i];

        free(certificate->certificate);
        free(certificate->key);
        certificate->certificate = certificate->key = NULL;
        if (kept < PLAN_CERTIFICATES && !plan_has_label(plan, kept, certificate))
            plan->certificates[kept++] = *certificate;
        else
            plan_certificate_free(certificate);
    }
    plan->certificate_count = kept;
    if (kept > 0 && kept < count)
        plan->certificates =
            memory_resize(plan->certificates, kept * sizeof(plan->certificates[0]));
}

void plan_take_certificates(struct plan *plan, const struct bundle *bundle)
{
    plan->expires = 0;
    for (uint32_t i = 0; i < bundle->identity_count; i++) {
        int64_t expires = bundle->identities[i].der.not_after;

        if (i == 0 || expires < plan->expires)
            plan->expires = expires;
    }
    plan_sort_certificates(plan, bundle);
    plan_thin_certificates(plan);
}
