/* SPDX-License-Identifier: MIT */
/* Examination: what comes out, and what is too weak or out of its time. */
#include "examine_rig.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <time.h>

TestSuite(examine, .init = examine_start, .fini = examine_stop);

Test(examine, a_chain_in_order)
{
    X509 *const chain[] = {examined.pki.leaf, examined.pki.middle};
    const unsigned char *at;
    EVP_PKEY *key;

    cr_assert_eq(examine(chain, 2, examined.pki.leaf_key), 0);
    cr_assert_eq(examined.der.chain_count, 2);
    assert_chain(0, examined.pki.leaf);
    assert_chain(1, examined.pki.middle);
    cr_assert_leq(examined.der.not_before, time(NULL) - 86400 + 60);
    cr_assert_geq(examined.der.not_after, time(NULL) + 86400 - 60);
    cr_assert(slice_starts_with(examined.der.serial, SLICE("0ABC")));
    at = (const unsigned char *)examined.der.key.data;
    key = d2i_AutoPrivateKey(NULL, &at, (long)examined.der.key.len);
    cr_assert_eq(EVP_PKEY_eq(key, examined.pki.leaf_key), 1);
    EVP_PKEY_free(key);
    cr_assert(STAILQ_EMPTY(&examined.diags.items));
}

Test(examine, a_small_key)
{
    EVP_PKEY *key = pki_key("RSA", 1024);
    X509 *certificate = pki_certificate(&(struct pki_wish){.name = "small"}, key, NULL, NULL);

    cr_assert_eq(examine(&certificate, 1, key), ERROR_CERTIFICATE);
    assert_told("the key of certificate 1 is too small: 1024 bits");
    X509_free(certificate);
    EVP_PKEY_free(key);
}

Test(examine, a_weak_signature)
{
    const struct pki_wish wish = {.name = "old", .digest = EVP_sha1()};
    X509 *certificate =
        pki_certificate(&wish, examined.pki.leaf_key, examined.pki.root, examined.pki.root_key);

    cr_assert_eq(examine(&certificate, 1, examined.pki.leaf_key), ERROR_CERTIFICATE);
    assert_told("the signature of certificate 1 is too weak: SHA1");
    X509_free(certificate);
}

static void dated(long from, long until, const char *expected)
{
    const struct pki_wish wish = {.name = "dated", .from = from, .until = until};
    X509 *certificate =
        pki_certificate(&wish, examined.pki.leaf_key, examined.pki.root, examined.pki.root_key);

    cr_assert_eq(examine(&certificate, 1, examined.pki.leaf_key), 0);
    assert_told(expected);
    cr_assert_eq(examined.diags.errors, 0);
    X509_free(certificate);
}

Test(examine, expired_is_a_warning)
{
    dated(-7200, -3600, "certificate 1 expired at 20");
}

Test(examine, not_yet_valid_is_a_warning)
{
    dated(3600, 7200, "certificate 1 is not valid before 20");
}
