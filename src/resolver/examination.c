/* SPDX-License-Identifier: MIT */
/* Examines one tenant: model, certificates and keys, host names, and whether it can be built. */
#include "examination_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "tenant/tenant.h"

#include <stdlib.h>
#include <time.h>

/* A host name that is asked for. */
struct host {
    struct names_lookup lookup;
    struct examination *examination;
    struct bundle_name name;
    const char *reason; /* why it has no address, or only those that were known before */
    bool is_known;      /* those */
};

struct examination {
    TAILQ_ENTRY(examination) next;
    struct examiner *examiner;
    uint64_t serial;
    void *bytes; /* the raw bundle: keys are in it */
    size_t size;
    struct arena arena;
    struct diag_list diags;
    struct bundle raw;
    struct config_tenant model;
    bool has_model;
    bool outdated;
    uint32_t unresolved; /* errors that are of names without any address */
    struct bundle_identity *identities;
    uint32_t identity_count;
    struct bundle_trust *trusts;
    uint32_t trust_count;
    struct host *hosts;
    uint32_t host_count;
    uint32_t pending; /* hosts without an answer yet */
};

static void examination_free(struct examination *examination)
{
    TAILQ_REMOVE(&examination->examiner->running, examination, next);
    for (uint32_t i = 0; i < examination->identity_count; i++) {
        struct slice key = examination->identities[i].der.key;
        if (key.len > 0)
            explicit_bzero((void *)(uintptr_t)key.data, key.len);
    }
    if (examination->has_model)
        config_tenant_free(&examination->model);
    diag_list_free(&examination->diags);
    arena_free(&examination->arena);
    memory_wipe_free(examination->bytes, examination->size);
    free(examination);
}

/* Of another list's. */
static void examination_take_errors(struct examination *examination, const struct diag_list *diags)
{
    const struct diag *diag;

    STAILQ_FOREACH (diag, &diags->items, next) {
        if (diag->severity == DIAG_ERROR)
            diag_error(&examination->diags, diag->place, "%s", diag->message);
    }
}

/* ---- certificates ---- */

static const struct bundle_file *find_file(struct examination *examination, struct slice path,
                                           struct diag_place place)
{
    const struct bundle_file *file = bundle_find_file(&examination->raw, path);
    if (!file)
        diag_error(&examination->diags, place, "\"%.*s\" could not be read", SLICE_PRINTF(path));
    return file;
}

static bool is_examined(const struct examination *examination,
                        const struct config_certificate *pair)
{
    const struct bundle so_far = {.identities = examination->identities,
                                  .identity_count = examination->identity_count};
    return bundle_find_identity(&so_far, pair->certificate, pair->key);
}

static void examine_pair(struct examination *examination, const struct config_certificate *pair,
                         int64_t now)
{
    struct diag_list *diags = &examination->diags;
    struct bundle_identity *identity = &examination->identities[examination->identity_count];
    const struct bundle_file *certificate = find_file(examination, pair->certificate, pair->place);
    const struct bundle_file *key = find_file(examination, pair->key, pair->key_place);
    /* Also when it fails: a pair that many servers name is told of once. */
    examination->identity_count++;
    identity->certificate_path = pair->certificate;
    identity->key_path = pair->key;
    if (!certificate || !key)
        return;
    if (tls_examine(&examination->arena,
                    &(struct tls_pem_pair){.certificate = {certificate->bytes, pair->place},
                                           .key = {key->bytes, pair->key_place}},
                    now, &identity->der, diags) != 0)
        return;
    if (now < identity->der.not_before || now > identity->der.not_after)
        examination->outdated = true;
}

static void examine_certificates(struct examination *examination)
{
    const struct config_tenant *model = &examination->model;
    int64_t now = (int64_t)time(NULL);
    uint32_t most = 0;
    for (uint32_t s = 0; s < model->server_count; s++)
        most += model->servers[s].certificate_count;
    examination->identities = ARENA_ARRAY(&examination->arena, struct bundle_identity, most);
    for (uint32_t s = 0; s < model->server_count; s++) {
        const struct config_server *server = &model->servers[s];
        for (uint32_t i = 0; i < server->certificate_count; i++) {
            if (!is_examined(examination, &server->certificates[i]))
                examine_pair(examination, &server->certificates[i], now);
        }
    }
}

/* A file that is named many times is read, and told of, once. */
static void examine_trusted_file(struct examination *examination, struct slice path,
                                 struct diag_place place)
{
    const struct bundle so_far = {.trusts = examination->trusts,
                                  .trust_count = examination->trust_count};
    if (path.len == 0 || bundle_find_trust(&so_far, path))
        return;
    struct bundle_trust *trust = &examination->trusts[examination->trust_count++];
    trust->path = path;
    const struct bundle_file *file = find_file(examination, path, place);
    if (file)
        tls_examine_trusted(&examination->arena, &(struct tls_pem){file->bytes, place},
                            &trust->certificates, &trust->certificate_count, &examination->diags);
}

/* What backends and clients are verified against. */
static void examine_trusted(struct examination *examination)
{
    const struct config_tenant *model = &examination->model;
    size_t most = model->upstream_count + 2 * (size_t)model->server_count;
    examination->trusts = ARENA_ARRAY(&examination->arena, struct bundle_trust, most);
    for (uint32_t u = 0; u < model->upstream_count; u++) {
        const struct config_transport *transport = model->upstreams[u].transport;
        if (transport)
            examine_trusted_file(examination, transport->trusted, transport->trusted_place);
    }
    for (uint32_t s = 0; s < model->server_count; s++) {
        const struct config_verification *verification = model->servers[s].verification;
        if (!verification)
            continue;
        examine_trusted_file(examination, verification->named.path, verification->named.place);
        examine_trusted_file(examination, verification->trusted.path, verification->trusted.place);
    }
}

/* ---- names ---- */

static const struct host *find_host(const struct examination *examination,
                                    const struct config_endpoint *endpoint)
{
    for (uint32_t i = 0; i < examination->host_count; i++) {
        const struct host *host = &examination->hosts[i];
        if (host->name.port == endpoint->port && slice_equal(host->name.host, endpoint->host))
            return host;
    }
    return NULL;
}

static void collect_hosts(struct examination *examination)
{
    const struct config_tenant *model = &examination->model;
    uint32_t most = 0;
    for (uint32_t u = 0; u < model->upstream_count; u++)
        most += model->upstreams[u].endpoint_count;
    examination->hosts = ARENA_ARRAY(&examination->arena, struct host, most);
    for (uint32_t u = 0; u < model->upstream_count; u++) {
        for (uint32_t i = 0; i < model->upstreams[u].endpoint_count; i++) {
            const struct config_endpoint *endpoint = &model->upstreams[u].endpoints[i];
            if (endpoint->address.len > 0 || find_host(examination, endpoint))
                continue;
            struct host *host = &examination->hosts[examination->host_count++];
            host->examination = examination;
            host->name.host = endpoint->host;
            host->name.port = endpoint->port;
        }
    }
}

static void check_hosts(struct examination *examination)
{
    const struct config_tenant *model = &examination->model;
    for (uint32_t u = 0; u < model->upstream_count; u++) {
        if (model->upstreams[u].is_variant) /* its endpoints have been seen */
            continue;
        for (uint32_t i = 0; i < model->upstreams[u].endpoint_count; i++) {
            const struct config_endpoint *endpoint = &model->upstreams[u].endpoints[i];
            const struct host *host =
                endpoint->address.len > 0 ? NULL : find_host(examination, endpoint);
            if (host && host->name.address_count == 0) {
                examination->unresolved++;
                diag_error(&examination->diags, endpoint->place,
                           "host not found in upstream \"%.*s\": %s", SLICE_PRINTF(endpoint->text),
                           host->reason);
            } else if (host && host->is_known) {
                diag_warning(&examination->diags, endpoint->place,
                             "host not found in upstream \"%.*s\": %s; the addresses that it had "
                             "are used on",
                             SLICE_PRINTF(endpoint->text), host->reason);
            } else if (host && host->reason) {
                diag_warning(&examination->diags, endpoint->place, "\"%.*s\" has %s",
                             SLICE_PRINTF(endpoint->text), host->reason);
            }
        }
    }
}

/* ---- the outcome ---- */

/* Built once for trial, from the very bytes that workers get. */
static void try_building(struct examination *examination, struct slice bytes)
{
    struct bundle bundle;
    struct arena arena;
    struct diag_list diags; /* of its own: the model's warnings are in it once more */
    arena_init(&arena, 4096);
    diag_list_init(&diags);
    diags.errors_only = true;
    if (bundle_decode(&bundle, &arena, bytes) != 0) {
        diag_error(&examination->diags, (struct diag_place){.file = "bundle"},
                   "the examined bundle cannot be read back");
    } else {
        struct tenant *tenant = tenant_new(&bundle, examination->examiner->contexts, &diags);
        if (tenant)
            tenant_unref(tenant);
        else
            examination_take_errors(examination, &diags);
    }
    diag_list_free(&diags);
    arena_free(&arena);
}

static void bundle_make(struct examination *examination, struct bundle *bundle)
{
    *bundle = (struct bundle){
        .tenant = examination->raw.tenant,
        .folder = examination->raw.folder,
        .defaults = examination->raw.defaults,
        .root = examination->raw.root,
        .identities = examination->identities,
        .identity_count = examination->identity_count,
        .trusts = examination->trusts,
        .trust_count = examination->trust_count,
        .name_count = examination->host_count,
    };
    bundle->names = ARENA_ARRAY(&examination->arena, struct bundle_name, bundle->name_count);
    for (uint32_t i = 0; i < bundle->name_count; i++)
        bundle->names[i] = examination->hosts[i].name;
}

/* Whether names are all that is missing, or have been known before. */
static bool examination_lacks_names(const struct examination *examination)
{
    bool is_known = false;
    for (uint32_t i = 0; i < examination->host_count; i++)
        is_known = is_known || examination->hosts[i].is_known;
    return examination->diags.errors == examination->unresolved &&
           (examination->unresolved > 0 || is_known);
}

static void examination_finish(struct examination *examination)
{
    struct examiner *examiner = examination->examiner;
    struct diag_list *diags = &examination->diags;
    struct examination_result result = {.serial = examination->serial};
    struct bundle bundle;
    if (examination->has_model)
        check_hosts(examination);
    if (diags->errors == 0) {
        struct wire_writer trial;
        wire_writer_init(&trial);
        bundle_make(examination, &bundle);
        bundle_encode(&trial, &bundle);
        try_building(examination, wire_written(&trial));
        wire_writer_free(&trial);
    }
    result.usable = diags->errors == 0;
    result.outdated = examination->outdated;
    result.unresolved = examination_lacks_names(examination);
    wire_writer_init(&result.blob);
    bundle_put_diags(&result.blob, diags);
    if (result.usable)
        bundle_put_findings(&result.blob, &bundle);
    examination_free(examination);
    examiner->on_result(examiner->owner, &result);
    wire_writer_free(&result.blob);
}

/* What it stood for when it was last resolved, if that is known. */
static void host_take_known(struct host *host, const char *reason)
{
    const struct bundle_name *known =
        bundle_find_name(&host->examination->raw, host->name.host, host->name.port);
    host->reason = reason;
    if (!known || known->address_count == 0)
        return;
    host->name.addresses = known->addresses;
    host->name.address_count = known->address_count;
    host->is_known = true;
}

static void on_answer(struct names_lookup *lookup, const struct names_answer *answer)
{
    struct host *host = CONTAINER_OF(lookup, struct host, lookup);
    struct examination *examination = host->examination;
    host->name.address_count = answer->count;
    host->name.addresses =
        ARENA_ARRAY(&examination->arena, struct address, host->name.address_count);
    for (uint32_t i = 0; i < answer->count; i++) {
        struct address *address = &host->name.addresses[i];
        *address = answer->addresses[i];
        if (address->any.sa_family == AF_INET)
            address->v4.sin_port = htons(host->name.port);
        else
            address->v6.sin6_port = htons(host->name.port);
    }
    if (answer->count == 0)
        host_take_known(host, answer->reason);
    else if (answer->is_cut)
        host->reason = "more addresses than are used";
    if (--examination->pending > 0)
        return;
    examination->examiner->on_working(examination->examiner->owner, examination->serial);
    examination_finish(examination);
}

/* ---- the course of it ---- */

/* What cannot be read or is no model has nothing to examine. */
static int read_model(struct examination *examination)
{
    struct bundle *raw = &examination->raw;
    struct slice bytes = {examination->bytes, examination->size};
    if (bundle_decode(raw, &examination->arena, bytes) != 0) {
        diag_error(&examination->diags, (struct diag_place){.file = "bundle"},
                   "the bundle cannot be read");
        return -1;
    }
    /* Warnings and notices are dropped: the supervisor built the same model and told them. */
    struct diag_list diags;
    diag_list_init(&diags);
    diags.errors_only = true;
    int result = bundle_build_model(raw, &examination->model, &diags);
    examination->has_model = true;
    examination_take_errors(examination, &diags);
    diag_list_free(&diags);
    return result;
}

void examination_start(struct examiner *examiner, uint64_t serial, struct slice bytes)
{
    struct examination *examination = memory_zeroed(1, sizeof(*examination));
    examination->examiner = examiner;
    examination->serial = serial;
    examination->bytes = memory_copy(bytes.data, bytes.len);
    examination->size = bytes.len;
    arena_init(&examination->arena, 8192);
    diag_list_init(&examination->diags);
    TAILQ_INSERT_TAIL(&examiner->running, examination, next);
    examiner->on_working(examiner->owner, serial);
    if (!examiner->contexts) {
        diag_error(&examination->diags, (struct diag_place){.file = "openssl.cnf"},
                   "OpenSSL's default provider is not loaded: nothing can be examined");
    } else if (read_model(examination) == 0) {
        tenant_check(&examination->model, examiner->contexts, &examination->diags);
        examine_certificates(examination);
        examine_trusted(examination);
        collect_hosts(examination);
    }
    examination->pending = examination->host_count;
    for (uint32_t i = 0; i < examination->host_count; i++) {
        struct host *host = &examination->hosts[i];
        host->lookup.on_answer = on_answer;
        names_ask(examiner->names, &host->lookup, host->name.host);
    }
    if (examination->pending == 0)
        examination_finish(examination);
}

void examiner_abort(struct examiner *examiner)
{
    while (!TAILQ_EMPTY(&examiner->running))
        examination_free(TAILQ_FIRST(&examiner->running));
}
