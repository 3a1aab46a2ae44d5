/* SPDX-License-Identifier: MIT */
/* Keys and certificates: see the header. */
#include "pki.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

EVP_PKEY *pki_key(const char *kind, size_t bits)
{
    EVP_PKEY *key;

    if (strcmp(kind, "RSA") == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
    else if (strcmp(kind, "EC") == 0)
        key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    else
        key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
    cr_assert_not_null(key);
    return key;
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    cr_assert_not_null(extension);
    cr_assert_eq(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

X509 *pki_certificate(const struct pki_wish *wish, EVP_PKEY *key, X509 *issuer,
                      EVP_PKEY *issuer_key)
{
    static long serial = 0x0abc00;
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    bool is_default = wish->from == 0 && wish->until == 0;
    EVP_PKEY *signer = issuer_key ? issuer_key : key;
    const EVP_MD *digest = wish->digest ? wish->digest : EVP_sha256();

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), is_default ? -86400 : wish->from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), is_default ? 86400 : wish->until);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)wish->name, -1, -1,
                               0);
    X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : name);
    X509_set_pubkey(certificate, key);
    add_extension(certificate, NID_basic_constraints,
                  wish->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (wish->names)
        add_extension(certificate, NID_subject_alt_name, wish->names);
    if (EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519)
        digest = NULL;
    cr_assert_gt(X509_sign(certificate, signer, digest), 0);
    return certificate;
}

static struct slice text_of(BIO *bio)
{
    char *data, *copy;
    long len = BIO_get_mem_data(bio, &data);

    copy = malloc((size_t)len + 1);
    memcpy(copy, data, (size_t)len);
    copy[len] = '\0';
    BIO_free(bio);
    return (struct slice){copy, (size_t)len};
}

struct slice pki_certificates_pem(X509 *const *certificates, int count)
{
    BIO *bio = BIO_new(BIO_s_mem());

    for (int i = 0; i < count; i++)
        cr_assert_eq(PEM_write_bio_X509(bio, certificates[i]), 1);
    return text_of(bio);
}

struct slice pki_key_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());

    cr_assert_eq(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    return text_of(bio);
}

struct slice pki_encrypted_key_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());

    cr_assert_eq(
        PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL), 1);
    return text_of(bio);
}

void pki_make(struct pki *pki)
{
    pki->root_key = pki_key("EC", 0);
    pki->middle_key = pki_key("EC", 0);
    pki->leaf_key = pki_key("EC", 0);
    pki->root = pki_certificate(&(struct pki_wish){.name = "root", .is_ca = true}, pki->root_key,
                                NULL, NULL);
    pki->middle = pki_certificate(&(struct pki_wish){.name = "middle", .is_ca = true},
                                  pki->middle_key, pki->root, pki->root_key);
    pki->leaf = pki_certificate(&(struct pki_wish){.name = "leaf.test"}, pki->leaf_key, pki->middle,
                                pki->middle_key);
}

void pki_free(struct pki *pki)
{
    EVP_PKEY_free(pki->root_key);
    EVP_PKEY_free(pki->middle_key);
    EVP_PKEY_free(pki->leaf_key);
    X509_free(pki->root);
    X509_free(pki->middle);
    X509_free(pki->leaf);
}
