/* SPDX-License-Identifier: MIT */
/* Examinations: certificates good and bad, what comes back, and that workers can build from it. */
#include "resolver/certificates.h"
#include "resolver/rig.h"

#include <criterion/criterion.h>
#include <string.h>

#define DAY 86400L

static const char TEXT[] = "netns acme;\n"
                           "server {\n"
                           "    listen 1.1.1.1:443 ssl;\n"
                           "    ssl_certificate acme.crt;\n"
                           "    ssl_certificate_key acme.key;\n"
                           "    return 200 a;\n"
                           "}\n"
                           "server {\n"
                           "    listen 1.1.1.2:443 ssl;\n"
                           "    ssl_certificate acme.crt;\n"
                           "    ssl_certificate_key acme.key;\n"
                           "    return 200 b;\n"
                           "}\n";

static void set_files(struct bundle_file files[2], const char *certificate, const char *key)
{
    files[0] = (struct bundle_file){SLICE("/c/acme.crt"), slice_of(certificate), false};
    files[1] = (struct bundle_file){SLICE("/c/acme.key"), slice_of(key), true};
}

Test(examination, a_good_pair_becomes_der)
{
    struct rig rig;
    struct pem_pair pair;
    struct bundle_file files[2];
    struct bundle bundle;
    struct arena arena;
    struct diag_list diags;
    pem_pair_make(&pair, -DAY, DAY);
    set_files(files, pair.certificate, pair.key);
    rig_start(&rig, true);
    rig_examine(&rig, 1, TEXT, files, 2);
    rig_examine(&rig, 2, TEXT, files, 2);
    cr_assert(rig_wait(&rig, 2));
    const struct outcome *outcome = rig_outcome(&rig, 1);
    cr_assert(outcome->usable);
    cr_expect_not(outcome->outdated);
    cr_expect_eq(outcome->diags.errors, 0);

    arena_init(&arena, 4096);
    diag_list_init(&diags);
    struct slice bytes = {outcome->bytes, outcome->size};
    outcome_get_findings(&rig, outcome, &bundle, &arena);
    cr_expect_null(memmem(bytes.data, bytes.len, "-----BEGIN", 10));
    cr_assert_eq(bundle.identity_count, 1); /* named twice */
    const struct tls_der *der = &bundle.identities[0].der;
    cr_expect_eq(der->chain_count, 1);
    cr_expect_gt(der->key.len, 0);
    cr_expect_eq(der->not_after - der->not_before, 2 * DAY);
    cr_expect(slice_equal(der->serial, SLICE("1267")));

    struct tls_contexts *contexts = tls_contexts_new();
    struct tenant *tenant = tenant_new(&bundle, contexts, &diags);
    cr_assert(tenant);
    cr_expect_eq(tenant->servers[0].tls.identity_count, 1);
    tenant_unref(tenant);
    tls_contexts_free(contexts);

    /* The same files give the same bytes: "nothing changed". */
    const struct outcome *again = rig_outcome(&rig, 2);
    cr_expect(slice_equal(bytes, (struct slice){again->bytes, again->size}));
    diag_list_free(&diags);
    arena_free(&arena);
    pem_pair_free(&pair);
    cr_expect_eq(rig_end(&rig), 0);
}

Test(examination, expired_and_not_yet_valid_are_usable_and_outdated)
{
    struct rig rig;
    struct pem_pair old, young;
    struct bundle_file files[2];
    pem_pair_make(&old, -2 * DAY, -DAY);
    pem_pair_make(&young, DAY, 2 * DAY);
    rig_start(&rig, true);
    set_files(files, old.certificate, old.key);
    rig_examine(&rig, 1, TEXT, files, 2);
    set_files(files, young.certificate, young.key);
    rig_examine(&rig, 2, TEXT, files, 2);
    cr_assert(rig_wait(&rig, 2));
    for (uint64_t serial = 1; serial <= 2; serial++) {
        const struct outcome *outcome = rig_outcome(&rig, serial);
        cr_expect(outcome->usable);
        cr_expect(outcome->outdated);
        cr_expect_eq(outcome->diags.errors, 0);
        cr_expect_eq(outcome->diags.warnings, 1);
        cr_expect(outcome_has_diag(outcome, DIAG_WARNING, 4, ""));
    }
    pem_pair_free(&old);
    pem_pair_free(&young);
    cr_expect_eq(rig_end(&rig), 0);
}

Test(examination, broken_pairs_are_errors_at_their_place)
{
    struct rig rig;
    struct pem_pair one, two;
    struct bundle_file files[2];
    pem_pair_make(&one, -DAY, DAY);
    pem_pair_make(&two, -DAY, DAY);
    rig_start(&rig, true);
    set_files(files, one.certificate, two.key); /* does not belong */
    rig_examine(&rig, 1, TEXT, files, 2);
    set_files(files, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", one.key);
    rig_examine(&rig, 2, TEXT, files, 2);
    set_files(files, one.certificate, "no key at all");
    rig_examine(&rig, 3, TEXT, files, 2);
    set_files(files, one.certificate, one.key);
    rig_examine(&rig, 4, TEXT, files, 1); /* the key is missing */
    cr_assert(rig_wait(&rig, 4));
    for (uint64_t serial = 1; serial <= 4; serial++) {
        const struct outcome *outcome = rig_outcome(&rig, serial);
        cr_expect_not(outcome->usable);
        cr_expect_eq(outcome->size, 0);
        cr_expect_eq(outcome->diags.errors, 1, "serial %u: %u errors", (unsigned)serial,
                     outcome->diags.errors);
    }
    cr_expect(outcome_has_diag(rig_outcome(&rig, 2), DIAG_ERROR, 4, ""));
    cr_expect(outcome_has_diag(rig_outcome(&rig, 3), DIAG_ERROR, 5, ""));
    cr_expect(
        outcome_has_diag(rig_outcome(&rig, 4), DIAG_ERROR, 5, "\"/c/acme.key\" could not be read"));
    pem_pair_free(&one);
    pem_pair_free(&two);
    cr_expect_eq(rig_end(&rig), 0);
}

Test(examination, all_mistakes_are_told_at_once)
{
    struct rig rig;
    rig_start(&rig, true);
    rig_examine(&rig, 1,
                "netns acme;\n"
                "server { listen 1.1.1.1:443 ssl; ssl_ciphers NONSENSE;\n"
                "    ssl_certificate acme.crt; ssl_certificate_key acme.key;\n"
                "    location ~ ( { return 200 a; }\n"
                "    location /x { proxy_pass http://missing.onion:1; } }\n",
                NULL, 0);
    cr_assert(rig_wait(&rig, 1));
    const struct outcome *outcome = rig_outcome(&rig, 1);
    cr_expect_not(outcome->usable);
    cr_expect(outcome_has_diag(outcome, DIAG_ERROR, 2, "")); /* the ciphers */
    cr_expect(outcome_has_diag(outcome, DIAG_ERROR, 3, "/c/acme.crt"));
    cr_expect(outcome_has_diag(outcome, DIAG_ERROR, 3, "/c/acme.key"));
    cr_expect(outcome_has_diag(outcome, DIAG_ERROR, 4, "regular expression"));
    cr_expect(outcome_has_diag(outcome, DIAG_ERROR, 5, "host not found"));
    cr_expect_eq(outcome->diags.errors, 5);
    cr_expect_eq(rig_end(&rig), 0);
}

Test(examination, a_broken_model_is_told)
{
    struct rig rig;
    rig_start(&rig, true);
    rig_examine(&rig, 1, "netns acme;\nserver { lisen 80; }\n", NULL, 0);
    cr_assert(rig_wait(&rig, 1));
    cr_expect_not(rig_outcome(&rig, 1)->usable);
    cr_expect(outcome_has_diag(rig_outcome(&rig, 1), DIAG_ERROR, 2, "lisen"));
    cr_expect_eq(rig_end(&rig), 0);
}

static const char TRUSTING[] = "netns acme;\n"
                               "server {\n"
                               "    listen 1.1.1.1:80;\n"
                               "    proxy_ssl_trusted_certificate\n"
                               "        ca.pem;\n"
                               "    location /a { proxy_pass https://10.0.0.1; }\n"
                               "    location /b { proxy_pass https://10.0.0.2; }\n"
                               "}\n";

Test(examination, trusted_certificates_become_der)
{
    struct rig rig;
    struct pem_pair pair;
    struct bundle bundle;
    struct arena arena;
    pem_pair_make(&pair, -DAY, DAY);
    struct bundle_file file = {SLICE("/c/ca.pem"), slice_of(pair.certificate), false};
    struct bundle_file rubbish = {SLICE("/c/ca.pem"), SLICE("rubbish"), false};
    rig_start(&rig, true);
    rig_examine(&rig, 1, TRUSTING, &file, 1);
    rig_examine(&rig, 2, TRUSTING, &rubbish, 1);
    rig_examine(&rig, 3, TRUSTING, NULL, 0);
    cr_assert(rig_wait(&rig, 3));

    const struct outcome *outcome = rig_outcome(&rig, 1);
    cr_assert(outcome->usable);
    arena_init(&arena, 4096);
    outcome_get_findings(&rig, outcome, &bundle, &arena);
    cr_assert_eq(bundle.trust_count, 1); /* named twice */
    cr_expect(slice_equal(bundle.trusts[0].path, SLICE("/c/ca.pem")));
    cr_expect_eq(bundle.trusts[0].certificate_count, 1);
    arena_free(&arena);

    outcome = rig_outcome(&rig, 2);
    cr_expect_not(outcome->usable);
    cr_expect_eq(outcome->diags.errors, 1);
    cr_expect(outcome_has_diag(outcome, DIAG_ERROR, 5, "no certificate in PEM form"));
    outcome = rig_outcome(&rig, 3);
    cr_expect_not(outcome->usable);
    cr_expect(outcome_has_diag(outcome, DIAG_ERROR, 5, "could not be read"));
    pem_pair_free(&pair);
    cr_expect_eq(rig_end(&rig), 0);
}

static const char VERIFYING[] = "netns acme;\n"
                                "server {\n"
                                "    listen 1.1.1.1:443 ssl; return 204;\n"
                                "    ssl_certificate acme.crt; ssl_certificate_key acme.key;\n"
                                "    ssl_verify_client on; ssl_client_certificate\n"
                                "        ca.pem;\n"
                                "    ssl_trusted_certificate\n"
                                "        more.pem;\n"
                                "}\n";

Test(examination, what_clients_are_verified_against_becomes_der)
{
    struct rig rig;
    struct pem_pair pair;
    struct bundle bundle;
    struct arena arena;
    pem_pair_make(&pair, -DAY, DAY);
    struct bundle_file files[] = {{SLICE("/c/acme.crt"), slice_of(pair.certificate), false},
                                  {SLICE("/c/acme.key"), slice_of(pair.key), true},
                                  {SLICE("/c/ca.pem"), slice_of(pair.certificate), false},
                                  {SLICE("/c/more.pem"), slice_of(pair.certificate), false}};
    rig_start(&rig, true);
    rig_examine(&rig, 1, VERIFYING, files, 4);
    files[3].bytes = SLICE("rubbish");
    rig_examine(&rig, 2, VERIFYING, files, 4);
    cr_assert(rig_wait(&rig, 2));

    const struct outcome *outcome = rig_outcome(&rig, 1);
    cr_assert(outcome->usable);
    arena_init(&arena, 4096);
    outcome_get_findings(&rig, outcome, &bundle, &arena);
    cr_assert_eq(bundle.trust_count, 2);
    cr_expect(slice_equal(bundle.trusts[0].path, SLICE("/c/ca.pem")));
    cr_expect(slice_equal(bundle.trusts[1].path, SLICE("/c/more.pem")));
    arena_free(&arena);

    outcome = rig_outcome(&rig, 2);
    cr_expect_not(outcome->usable);
    cr_expect(outcome_has_diag(outcome, DIAG_ERROR, 8, "no certificate in PEM form"));
    pem_pair_free(&pair);
    cr_expect_eq(rig_end(&rig), 0);
}
