/* SPDX-License-Identifier: MIT */
/* Chains in any order: the leaf is found by its key, the rest by who signed whom. */
#include "examine_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(examine_order, .init = examine_start, .fini = examine_stop);

Test(examine_order, a_chain_out_of_order)
{
    X509 *const chain[] = {examined.pki.root, examined.pki.middle, examined.pki.leaf};

    cr_assert_eq(examine(chain, 3, examined.pki.leaf_key), 0);
    cr_assert_eq(examined.der.chain_count, 3);
    assert_chain(0, examined.pki.leaf);
    assert_chain(1, examined.pki.middle);
    assert_chain(2, examined.pki.root);
    cr_assert(STAILQ_EMPTY(&examined.diags.items));
}

Test(examine_order, a_repeated_certificate_is_dropped_with_a_warning)
{
    X509 *const chain[] = {examined.pki.leaf, examined.pki.middle, examined.pki.leaf};

    cr_assert_eq(examine(chain, 3, examined.pki.leaf_key), 0);
    cr_assert_eq(examined.der.chain_count, 2);
    assert_told("a.conf:3:5: a certificate is in the file more than once");
    cr_assert_eq(examined.diags.warnings, 1);
}

Test(examine_order, a_cross_signed_authority_keeps_both_paths)
{
    EVP_PKEY *other_key = pki_key("EC", 0);
    X509 *other =
        pki_certificate(&(struct pki_wish){.name = "other", .is_ca = true}, other_key, NULL, NULL);
    X509 *crossed = pki_certificate(&(struct pki_wish){.name = "middle", .is_ca = true},
                                    examined.pki.middle_key, other, other_key);
    X509 *const chain[] = {examined.pki.leaf, examined.pki.middle, crossed};

    cr_assert_eq(examine(chain, 3, examined.pki.leaf_key), 0);
    cr_assert_eq(examined.der.chain_count, 3);
    assert_chain(2, crossed);
    X509_free(other);
    X509_free(crossed);
    EVP_PKEY_free(other_key);
}

/* Anywhere but in the leaf's place, which nginx and HAProxy take to be the first. */
Test(examine_order, a_foreign_certificate_is_left_out_with_a_warning)
{
    struct pki other;

    pki_make(&other);
    for (int at = 0; at < 4; at++) {
        X509 *chain[4] = {examined.pki.leaf, examined.pki.middle, examined.pki.root};
        char told[128];

        memmove(&chain[at + 1], &chain[at], (size_t)(3 - at) * sizeof(*chain));
        chain[at] = other.middle;
        cr_assert_eq(examine(chain, 4, examined.pki.leaf_key), 0);
        snprintf(told, sizeof(told),
                 "a.conf:3:5: certificate %d (/CN=middle) does not belong to the chain", at + 1);
        assert_told(told);
        cr_assert_eq(examined.diags.warnings, 1);
        cr_assert_eq(examined.der.chain_count, 3);
        assert_chain(0, examined.pki.leaf);
        assert_chain(1, examined.pki.middle);
        assert_chain(2, examined.pki.root);
        examine_forget();
    }
    pki_free(&other);
}

Test(examine_order, a_root_without_what_leads_to_it_is_left_out)
{
    X509 *const chain[] = {examined.pki.leaf, examined.pki.root};

    cr_assert_eq(examine(chain, 2, examined.pki.leaf_key), 0);
    cr_assert_eq(examined.der.chain_count, 1);
    assert_told("certificate 2 (/CN=root) does not belong to the chain and is left out");
}

Test(examine_order, the_leaf_of_before_under_the_same_key_is_left_out)
{
    X509 *renewed = pki_certificate(&(struct pki_wish){.name = "leaf.test"}, examined.pki.leaf_key,
                                    examined.pki.middle, examined.pki.middle_key);
    X509 *const chain[] = {renewed, examined.pki.middle, examined.pki.leaf};

    cr_assert_eq(examine(chain, 3, examined.pki.leaf_key), 0);
    cr_assert_eq(examined.der.chain_count, 2);
    assert_chain(0, renewed);
    assert_told("certificate 3 (/CN=leaf.test) does not belong to the chain");
    X509_free(renewed);
}

Test(examine_order, what_is_left_out_may_be_weak_and_out_of_date)
{
    EVP_PKEY *weak_key = pki_key("RSA", 1024);
    X509 *weak = pki_certificate(&(struct pki_wish){.name = "weak", .from = -20, .until = -10},
                                 weak_key, NULL, NULL);
    X509 *const chain[] = {examined.pki.leaf, weak, examined.pki.middle};

    cr_assert_eq(examine(chain, 3, examined.pki.leaf_key), 0);
    cr_assert_eq(examined.der.chain_count, 2);
    assert_told("certificate 2 (/CN=weak) does not belong to the chain");
    X509_free(weak);
    EVP_PKEY_free(weak_key);
}

Test(examine_order, a_bundle_of_authorities_behind_the_chain)
{
    X509 *chain[100] = {examined.pki.leaf, examined.pki.middle};
    struct pki others[14];
    int count = 2;

    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        pki_make(&others[i]);
        chain[count++] = others[i].root;
        chain[count++] = others[i].middle;
    }
    cr_assert_eq(examine(chain, count, examined.pki.leaf_key), 0);
    cr_assert_eq(examined.der.chain_count, 2);
    cr_assert_eq(examined.diags.warnings, 5, "four are named, the others counted");
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        pki_free(&others[i]);
}

Test(examine_order, a_foreign_chain_does_not_bring_its_key)
{
    struct pki other;

    pki_make(&other);
    X509 *const chain[] = {other.leaf, examined.pki.middle, examined.pki.root};
    cr_assert_eq(examine(chain, 3, examined.pki.leaf_key), ERROR_CERTIFICATE);
    assert_told("a.conf:4:5: the key does not belong to the certificate");
    pki_free(&other);
}

Test(examine_order, too_long_a_chain)
{
    X509 *chain[TLS_CHAIN_MAX + 1];
    EVP_PKEY *keys[TLS_CHAIN_MAX + 1];

    for (int i = 0; i <= TLS_CHAIN_MAX; i++) {
        char name[16];

        snprintf(name, sizeof(name), "ca%d", i);
        keys[i] = pki_key("EC", 0);
        chain[i] = pki_certificate(&(struct pki_wish){.name = name, .is_ca = true}, keys[i],
                                   i > 0 ? chain[i - 1] : NULL, i > 0 ? keys[i - 1] : NULL);
    }
    cr_assert_eq(examine(chain, TLS_CHAIN_MAX, keys[TLS_CHAIN_MAX - 1]), 0);
    cr_assert_eq(examined.der.chain_count, TLS_CHAIN_MAX);
    cr_assert_eq(examine(chain, TLS_CHAIN_MAX + 1, keys[TLS_CHAIN_MAX]), ERROR_CERTIFICATE);
    assert_told("a.conf:3:5: more than 16 certificates in one chain");
    for (int i = 0; i <= TLS_CHAIN_MAX; i++) {
        X509_free(chain[i]);
        EVP_PKEY_free(keys[i]);
    }
}

Test(examine_order, a_key_of_another)
{
    cr_assert_eq(examine(&examined.pki.leaf, 1, examined.pki.root_key), ERROR_CERTIFICATE);
    assert_told("a.conf:4:5: the key does not belong to the certificate");
}
