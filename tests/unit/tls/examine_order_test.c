/* SPDX-License-Identifier: MIT */
/* Chains in any order: the leaf is found by its key, the rest by who signed whom. */
#include "examine_rig.h"

#include <criterion/criterion.h>

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

Test(examine_order, a_foreign_certificate_is_an_error)
{
    struct pki other;

    pki_make(&other);
    X509 *const chain[] = {examined.pki.leaf, examined.pki.middle, other.leaf};
    cr_assert_eq(examine(chain, 3, examined.pki.leaf_key), ERROR_CERTIFICATE);
    assert_told("a.conf:3:5: certificate 3 (/CN=leaf.test) does not belong to the chain");
    pki_free(&other);
}

Test(examine_order, a_key_of_another)
{
    cr_assert_eq(examine(&examined.pki.leaf, 1, examined.pki.root_key), ERROR_CERTIFICATE);
    assert_told("a.conf:4:5: the key does not belong to the certificate");
}
