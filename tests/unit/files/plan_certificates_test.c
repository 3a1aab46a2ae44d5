/* SPDX-License-Identifier: MIT */
/* What is remembered of a tenant's certificates. */
#include "files/plan.h"

#include "base/memory.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* RFC 8410: a key of Ed25519 begins so. */
#define ED25519 SLICE("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22")

/* So many, of which the last expires first; each has a name of its own unless one is given. */
static void expect_kept(uint32_t count, const char *name, uint32_t kept)
{
    struct plan plan = {.certificate_count = count};
    struct bundle bundle = {.identity_count = count};
    char(*paths)[16] = memory_zeroed(count, sizeof(*paths));

    plan.certificates = memory_zeroed(count, sizeof(plan.certificates[0]));
    bundle.identities = memory_zeroed(count, sizeof(bundle.identities[0]));
    for (uint32_t i = 0; i < count; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%u", i);
        plan.certificates[i] =
            (struct plan_certificate){.server = memory_text(name ? name : paths[i]),
                                      .certificate = memory_text(paths[i]),
                                      .key = memory_text(paths[i])};
        bundle.identities[i] =
            (struct bundle_identity){.certificate_path = slice_of(paths[i]),
                                     .key_path = slice_of(paths[i]),
                                     .der = {.key = ED25519, .not_after = 1000000 - i}};
    }
    plan_take_certificates(&plan, &bundle);
    cr_assert_eq(plan.certificate_count, kept);
    cr_assert_eq(plan.expires, count == 0 ? 0 : 1000001 - count);
    for (uint32_t i = 0; i < kept; i++) {
        cr_assert_eq(plan.certificates[i].expires, plan.expires + i, "the first to expire");
        cr_assert_eq(plan.certificates[i].kind, TLS_KIND_ED25519);
        cr_assert(!plan.certificates[i].certificate && !plan.certificates[i].key);
    }
    plan_free(&plan);
    free(bundle.identities);
    free(paths);
}

Test(plan_certificates, those_that_expire_first_are_kept)
{
    expect_kept(0, NULL, 0);
    expect_kept(3, NULL, 3);
    expect_kept(1000, NULL, PLAN_CERTIFICATES);
}

Test(plan_certificates, of_one_name_and_kind_there_is_one)
{
    expect_kept(3, "acme.test", 1);
}

Test(plan_certificates, what_was_not_found_is_forgotten)
{
    struct plan plan = {.certificate_count = 1};
    struct bundle none = {0};

    plan.certificates = memory_zeroed(1, sizeof(plan.certificates[0]));
    plan.certificates[0] = (struct plan_certificate){.server = memory_text("acme.test"),
                                                     .certificate = memory_text("/a.crt"),
                                                     .key = memory_text("/a.key")};
    plan_take_certificates(&plan, &none);
    cr_assert_eq(plan.certificate_count, 0);
    cr_assert_eq(plan.expires, 0);
    plan_free(&plan);
}
