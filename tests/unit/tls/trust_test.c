/* SPDX-License-Identifier: MIT */
/* What is trusted: files of certificates, and the system's. */
#include "duo.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct duo duo;
static char folder[64];
static char file[80];

static void start(void)
{
    duo_start(&duo);
    strcpy(folder, "/tmp/nsgate-trust-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/ca.pem", folder);
    setenv("SSL_CERT_DIR", "/nonexistent", 1);
    setenv("SSL_CERT_FILE", file, 1);
    duo.client.trust = NULL;
}

static void stop(void)
{
    duo_stop(&duo);
    unlink(file);
    rmdir(folder);
}

TestSuite(trust, .init = start, .fini = stop);

static void write_file(X509 *certificate)
{
    struct slice pem = pki_certificates_pem(&certificate, 1);
    FILE *out = fopen(file, "w");

    cr_assert_eq(fwrite(pem.data, 1, pem.len, out), pem.len);
    fclose(out);
    free((char *)pem.data);
}

Test(trust, the_system_has_it)
{
    write_file(duo.pki.root);
    cr_assert(duo_connect(&duo), "%s", duo.failure);
    unlink(file);
    cr_assert(duo_connect(&duo), "loaded once");
}

Test(trust, the_system_has_another)
{
    write_file(duo.pki.leaf);
    cr_assert_not(duo_connect(&duo));
    cr_assert_str_eq(duo.failure, "unable to get local issuer certificate");
}

Test(trust, the_system_has_none)
{
    cr_assert_not(duo_connect(&duo));
    cr_assert(duo.was_unverified);
    cr_assert_str_eq(duo.failure, "the system has no CA certificates to verify with");
}

Test(trust, is_counted_and_keeps_a_copy)
{
    char *copy;
    struct slice pem = pki_certificates_pem(&duo.pki.root, 1), *certificates;
    struct tls_trust *trust;
    uint32_t count;

    cr_assert_eq(tls_examine_trusted(&duo.arena, &(struct tls_pem){pem, {"t", 1, 1}}, &certificates,
                                     &count, &duo.diags),
                 0);
    cr_assert_eq(count, 1);
    copy = malloc(certificates[0].len);
    memcpy(copy, certificates[0].data, certificates[0].len);
    certificates[0].data = copy;
    trust = tls_trust_new(certificates, count);
    free(copy);
    free((char *)pem.data);
    tls_trust_unref(tls_trust_ref(trust));
    duo.client.trust = trust;
    cr_assert(duo_connect(&duo), "%s", duo.failure);
    tls_trust_unref(trust);
    tls_trust_unref(NULL);
    duo_talk(&duo);
}

Test(trust, what_cannot_be_decoded_is_left_out)
{
    const struct slice rubbish = SLICE("rubbish");
    struct tls_trust *trust = tls_trust_new(&rubbish, 1);

    duo.client.trust = trust;
    cr_assert_not(duo_connect(&duo));
    cr_assert_str_eq(duo.failure, "unable to get local issuer certificate");
    tls_trust_unref(trust);
}

/* What openssl-x509(1) -addtrust and -addreject say of an authority holds, as it does where OpenSSL
 * reads the file itself. */
static bool connects_with_use(X509 *authority, int (*mark)(X509 *, const ASN1_OBJECT *), int use)
{
    X509 *marked = X509_dup(authority);
    unsigned char *der = NULL;
    struct slice one;
    int len;
    bool connects;

    cr_assert_eq(mark(marked, OBJ_nid2obj(use)), 1);
    len = i2d_X509_AUX(marked, &der);
    one = (struct slice){(const char *)der, (size_t)len};
    duo.client.trust = tls_trust_new(&one, 1);
    duo.client.reuses_sessions = false;
    connects = duo_connect(&duo);
    tls_trust_unref(duo.client.trust);
    OPENSSL_free(der);
    X509_free(marked);
    return connects;
}

Test(trust, uses_of_a_trusted_certificate_hold)
{
    cr_assert(connects_with_use(duo.pki.root, X509_add1_trust_object, NID_server_auth));
    cr_assert(connects_with_use(duo.pki.middle, X509_add1_trust_object, NID_server_auth));
    cr_assert_not(connects_with_use(duo.pki.root, X509_add1_trust_object, NID_client_auth));
    cr_assert_not(connects_with_use(duo.pki.root, X509_add1_reject_object, NID_server_auth));
}
