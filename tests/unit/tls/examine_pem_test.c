/* SPDX-License-Identifier: MIT */
/* PEM files: all forms of keys, and files that hold something else. */
#include "examine_rig.h"
#include "tls/client.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>

TestSuite(examine_pem, .init = examine_start, .fini = examine_stop);

Test(examine_pem, an_encrypted_key)
{
    struct slice chain = pki_certificates_pem(&examined.pki.leaf, 1);
    struct slice key = pki_encrypted_key_pem(examined.pki.leaf_key);

    cr_assert_eq(examine_text(chain, key), ERROR_CERTIFICATE);
    assert_told("a.conf:4:5: the key is encrypted");
    free((char *)chain.data);
    free((char *)key.data);
}

static void key_form(int (*write)(BIO *bio, EVP_PKEY *key), EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *certificate = pki_certificate(&(struct pki_wish){.name = "any"}, key, examined.pki.root,
                                        examined.pki.root_key);
    struct slice chain = pki_certificates_pem(&certificate, 1);
    char *data;
    long len;

    cr_assert_eq(write(bio, key), 1);
    len = BIO_get_mem_data(bio, &data);
    cr_assert_eq(examine_text(chain, (struct slice){data, (size_t)len}), 0, "%.*s", (int)len, data);
    cr_assert(STAILQ_EMPTY(&examined.diags.items));
    free((char *)chain.data);
    X509_free(certificate);
    BIO_free(bio);
}

static int write_traditional(BIO *bio, EVP_PKEY *key)
{
    return PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
}

/* As `openssl ecparam -genkey` writes it. */
static int write_with_parameters(BIO *bio, EVP_PKEY *key)
{
    return PEM_write_bio_Parameters(bio, key) == 1 && write_traditional(bio, key);
}

static int write_with_certificate(BIO *bio, EVP_PKEY *key)
{
    return PEM_write_bio_X509(bio, examined.pki.root) == 1 && write_traditional(bio, key);
}

Test(examine_pem, all_forms_of_keys)
{
    EVP_PKEY *rsa = pki_key("RSA", 2048), *edwards = pki_key("ED25519", 0);

    key_form(write_traditional, rsa);
    key_form(write_traditional, examined.pki.leaf_key);
    key_form(write_with_parameters, examined.pki.leaf_key);
    key_form(write_with_certificate, examined.pki.leaf_key);
    X509 *own = pki_certificate(&(struct pki_wish){.name = "own"}, edwards, NULL, NULL);
    cr_assert_eq(examine(&own, 1, edwards), 0);
    X509_free(own);
    EVP_PKEY_free(edwards);
    EVP_PKEY_free(rsa);
}

Test(examine_pem, files_that_hold_nothing)
{
    struct slice key = pki_key_pem(examined.pki.leaf_key),
                 chain = pki_certificates_pem(&examined.pki.leaf, 1);
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"", "the certificate file is empty"},
        {"hello\n", "no certificate in PEM form in the file"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
         "certificate 1 cannot be read"},
        {"-----BEGIN CERTIFICATE-----\n*!*\n-----END CERTIFICATE-----\n",
         "certificate 1 cannot be read"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n", "certificate 1 cannot be read"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        cr_assert_eq(examine_text(slice_of(bad[i].text), key), ERROR_CERTIFICATE);
        assert_told(bad[i].message);
        examine_forget();
    }
    cr_assert_eq(examine_text(chain, slice_of("")), ERROR_CERTIFICATE);
    assert_told("a.conf:4:5: the key file is empty");
    examine_forget();
    cr_assert_eq(examine_text(chain, chain), ERROR_CERTIFICATE);
    assert_told("no private key in PEM form in the file");
    free((char *)key.data);
    free((char *)chain.data);
}

Test(examine_pem, too_many_certificates)
{
    X509 **chain = calloc(1025, sizeof(*chain));

    for (int i = 0; i <= 1024; i++)
        chain[i] = examined.pki.leaf;
    cr_assert_eq(examine(chain, 1024, examined.pki.leaf_key), 0);
    cr_assert_eq(examined.der.chain_count, 1);
    assert_told("a certificate is in the file more than once");
    examine_forget();
    cr_assert_eq(examine(chain, 1025, examined.pki.leaf_key), ERROR_CERTIFICATE);
    assert_told("more than 1024 certificates in one file");
    free(chain);
}

/* The certificates' PEM with another name in its lines; freed by the caller. */
static struct slice renamed(X509 *const *certificates, int count, const char *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct slice pem;
    char *data;

    for (int i = 0; i < count; i++) {
        unsigned char *der = NULL;
        int len = i2d_X509_AUX(certificates[i], &der);

        cr_assert_gt(len, 0);
        cr_assert_gt(PEM_write_bio(bio, name, "", der, len), 0);
        OPENSSL_free(der);
    }
    pem.len = (size_t)BIO_get_mem_data(bio, &data);
    pem.data = strndup(data, pem.len);
    BIO_free(bio);
    return pem;
}

Test(examine_pem, every_name_of_a_certificate)
{
    static const char *const names[] = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"};
    X509 *const chain[] = {examined.pki.leaf, examined.pki.middle};
    struct slice key = pki_key_pem(examined.pki.leaf_key);

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct slice pem = renamed(chain, 2, names[i]);

        cr_assert_eq(examine_text(pem, key), 0, "%s", names[i]);
        cr_assert_eq(examined.der.chain_count, 2);
        assert_chain(1, examined.pki.middle);
        free((char *)pem.data);
    }
    cr_assert(STAILQ_EMPTY(&examined.diags.items));
    free((char *)key.data);
}

Test(examine_pem, uses_of_a_trusted_certificate_are_not_sent)
{
    ASN1_OBJECT *use = OBJ_nid2obj(NID_server_auth);
    X509 *marked = X509_dup(examined.pki.leaf);
    struct slice key = pki_key_pem(examined.pki.leaf_key), pem;

    cr_assert_eq(X509_add1_trust_object(marked, use), 1);
    pem = renamed(&marked, 1, "TRUSTED CERTIFICATE");
    cr_assert_eq(examine_text(pem, key), 0);
    cr_assert_eq(examined.der.chain[0].len, (size_t)i2d_X509(examined.pki.leaf, NULL));
    X509_free(marked);
    free((char *)pem.data);
    free((char *)key.data);
}

/* ---- certificates that are trusted ---- */

static int trusted(struct slice pem, uint32_t *count)
{
    struct slice *certificates;

    return tls_examine_trusted(&examined.arena, &(struct tls_pem){pem, {"a.conf", 5, 9}},
                               &certificates, count, &examined.diags);
}

Test(examine_pem, trusted_certificates)
{
    X509 *all[] = {examined.pki.root, examined.pki.middle, examined.pki.root};
    struct slice pem = pki_certificates_pem(all, 3);
    uint32_t count;

    cr_assert_eq(trusted(pem, &count), 0);
    cr_assert_eq(count, 3);
    cr_assert(STAILQ_EMPTY(&examined.diags.items));
    free((char *)pem.data);
}

Test(examine_pem, trusted_certificates_by_every_name)
{
    static const char *const names[] = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct slice pem = renamed(&examined.pki.root, 1, names[i]);
        uint32_t count;

        cr_assert_eq(trusted(pem, &count), 0, "%s", names[i]);
        cr_assert_eq(count, 1);
        free((char *)pem.data);
    }
}

Test(examine_pem, trusted_files_that_hold_none)
{
    struct slice key = pki_key_pem(examined.pki.leaf_key);
    uint32_t count = 7;

    cr_assert_eq(trusted(key, &count), ERROR_CERTIFICATE);
    cr_assert_eq(count, 0);
    assert_told("a.conf:5:9: no certificate in PEM form in the file");
    examine_forget();
    cr_assert_eq(trusted((struct slice){"", 0}, &count), ERROR_CERTIFICATE);
    assert_told("a.conf:5:9: the certificate file is empty");
    examine_forget();
    cr_assert_eq(
        trusted(SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), &count),
        ERROR_CERTIFICATE);
    assert_told("a.conf:5:9: certificate 1 cannot be read");
    free((char *)key.data);
}

Test(examine_pem, too_many_trusted_certificates)
{
    X509 **all = calloc(TLS_TRUST_MAX + 1, sizeof(*all));
    struct slice pem;
    uint32_t count;

    for (unsigned i = 0; i <= TLS_TRUST_MAX; i++)
        all[i] = examined.pki.root;
    pem = pki_certificates_pem(all, TLS_TRUST_MAX);
    cr_assert_eq(trusted(pem, &count), 0);
    cr_assert_eq(count, TLS_TRUST_MAX);
    free((char *)pem.data);
    pem = pki_certificates_pem(all, TLS_TRUST_MAX + 1);
    cr_assert_eq(trusted(pem, &count), ERROR_CERTIFICATE);
    assert_told("a.conf:5:9: more than 1024 certificates in one file");
    free((char *)pem.data);
    free(all);
}
