/* SPDX-License-Identifier: MIT */
/* What is trusted: files of certificates. */
#include "client_rig.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static struct client_rig rig;

static void start(void)
{
    client_rig_start(&rig);
}

static void stop(void)
{
    client_rig_stop(&rig);
}

TestSuite(trust, .init = start, .fini = stop);

Test(trust, is_counted_and_keeps_a_copy)
{
    char *copy;
    struct slice pem = pki_certificates_pem(&rig.pki.root, 1), *certificates;
    struct tls_trust *trust;
    uint32_t count;

    cr_assert_eq(tls_examine_trusted(&rig.arena, &(struct tls_pem){pem, {"t", 1, 1}}, &certificates,
                                     &count, &rig.diags),
                 0);
    cr_assert_eq(count, 1);
    copy = malloc(certificates[0].len);
    memcpy(copy, certificates[0].data, certificates[0].len);
    certificates[0].data = copy;
    trust = tls_trust_new(certificates, count);
    free(copy);
    free((char *)pem.data);
    tls_trust_unref(tls_trust_ref(trust));
    rig.client.trust = trust;
    cr_assert(client_rig_connect(&rig), "%s", rig.failure);
    tls_trust_unref(trust);
    tls_trust_unref(NULL);
    client_rig_talk(&rig);
}

Test(trust, what_cannot_be_decoded_is_left_out)
{
    const struct slice rubbish = SLICE("rubbish");
    struct tls_trust *trust = tls_trust_new(&rubbish, 1);

    rig.client.trust = trust;
    cr_assert_not(client_rig_connect(&rig));
    cr_assert_str_eq(rig.failure, "unable to get local issuer certificate");
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
    rig.client.trust = tls_trust_new(&one, 1);
    rig.client.reuses_sessions = false;
    connects = client_rig_connect(&rig);
    tls_trust_unref(rig.client.trust);
    OPENSSL_free(der);
    X509_free(marked);
    return connects;
}

Test(trust, uses_of_a_trusted_certificate_hold)
{
    cr_assert(connects_with_use(rig.pki.root, X509_add1_trust_object, NID_server_auth));
    cr_assert(connects_with_use(rig.pki.middle, X509_add1_trust_object, NID_server_auth));
    cr_assert_not(connects_with_use(rig.pki.root, X509_add1_trust_object, NID_client_auth));
    cr_assert_not(connects_with_use(rig.pki.root, X509_add1_reject_object, NID_server_auth));
}
