/* SPDX-License-Identifier: MIT */
/* rooms: tls base */
/* PEM files of a tenant: whatever they hold, the examination ends with DER or a told error. */
#include "base/error.h"
#include "tls/client.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void examine_trusted(struct slice pem)
{
    const struct diag_place place = {"fuzz.conf", 1, 1};
    struct slice *certificates;
    struct diag_list diags;
    struct arena arena;
    uint32_t count;
    int result;

    arena_init(&arena, 4096);
    diag_list_init(&diags);
    result =
        tls_examine_trusted(&arena, &(struct tls_pem){pem, place}, &certificates, &count, &diags);
    assert((result == 0) == (diags.errors == 0) && (result == 0) == (count > 0));
    if (result == 0)
        tls_trust_unref(tls_trust_new(certificates, count));
    diag_list_free(&diags);
    arena_free(&arena);
}

/* The input is both files, split at the first NUL; without one, it is the same file twice. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct diag_place place = {"fuzz.conf", 1, 1};
    const struct slice whole = {(const char *)data, size};
    const char *split = size > 0 ? memchr(data, '\0', size) : NULL;
    struct slice certificate = whole, key = whole;
    struct diag_list diags;
    struct arena arena;
    struct tls_der der;
    int result;

    if (split) {
        certificate.len = (size_t)(split - whole.data);
        key = slice_from(whole, certificate.len + 1);
    }
    arena_init(&arena, 4096);
    diag_list_init(&diags);
    result = tls_examine(
        &arena, &(struct tls_pem_pair){.certificate = {certificate, place}, .key = {key, place}},
        1800000000, &der, &diags);
    assert((result == 0) == (diags.errors == 0));
    if (result == 0) {
        struct tls_identity *identity = tls_identity_new(&der);

        assert(der.chain_count >= 1 && der.chain_count <= TLS_CHAIN_MAX);
        assert(der.key.len > 0 && der.serial.len > 0);
        tls_identity_free(identity);
    } else {
        assert(result == ERROR_CERTIFICATE);
    }
    diag_list_free(&diags);
    arena_free(&arena);
    examine_trusted(certificate);
    return 0;
}
