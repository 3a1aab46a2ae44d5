/* SPDX-License-Identifier: MIT */
/* What is trusted: files of certificates, and the system's. */
#include "client_rig.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct client_rig rig;
static char folder[64];
static char file[80];

static void start(void)
{
    client_rig_start(&rig);
    strcpy(folder, "/tmp/nsgate-trust-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/ca.pem", folder);
    setenv("SSL_CERT_DIR", "/nonexistent", 1);
    setenv("SSL_CERT_FILE", file, 1);
    rig.client.trust = NULL;
}

static void stop(void)
{
    client_rig_stop(&rig);
    unlink(file);
    rmdir(folder);
}

TestSuite(trust, .init = start, .fini = stop);

static void write_file(const char *path, X509 *certificate)
{
    struct slice pem = pki_certificates_pem(&certificate, 1);
    FILE *out = fopen(path, "w");

    cr_assert_eq(fwrite(pem.data, 1, pem.len, out), pem.len);
    fclose(out);
    free((char *)pem.data);
}

Test(trust, the_system_has_it)
{
    write_file(file, rig.pki.root);
    tls_contexts_read_system(rig.contexts);
    unlink(file);
    cr_assert(client_rig_connect(&rig), "no file is opened later: %s", rig.failure);
    cr_assert(client_rig_connect(&rig), "decoded once");
}

Test(trust, the_system_has_another)
{
    write_file(file, rig.pki.leaf);
    tls_contexts_read_system(rig.contexts);
    cr_assert_not(client_rig_connect(&rig));
    cr_assert_str_eq(rig.failure, "unable to get local issuer certificate");
}

Test(trust, the_system_has_none)
{
    tls_contexts_read_system(rig.contexts);
    cr_assert_not(client_rig_connect(&rig));
    cr_assert(rig.was_unverified);
    cr_assert_str_eq(rig.failure, "the system has no CA certificates to verify with");
}

/* Two folders, of which the second has one: under a name of c_rehash(1)'s, behind a file that is
 * damaged, and beside what is no certificate. */
static void write_folder(const char *name)
{
    char path[128], folders[160];
    FILE *out;

    snprintf(folders, sizeof(folders), "/nonexistent:%s", folder);
    setenv("SSL_CERT_FILE", "/nonexistent", 1);
    setenv("SSL_CERT_DIR", folders, 1);
    snprintf(path, sizeof(path), "%s/00000000.0", folder);
    out = fopen(path, "w");
    fputs("-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n-----BEGIN", out);
    fclose(out);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    write_file(path, rig.pki.root);
    tls_contexts_read_system(rig.contexts);
    unlink(path);
    snprintf(path, sizeof(path), "%s/00000000.0", folder);
    unlink(path);
}

Test(trust, the_system_has_it_in_a_folder)
{
    write_folder("1a2b3c4d.10");
    cr_assert(client_rig_connect(&rig), "%s", rig.failure);
}

Test(trust, a_folder_is_read_by_hashed_names)
{
    static const char *const names[] = {"1a2b3c4.0", "1a2b3c4d.r0", "1a2b3c4d.",
                                        "1a2b3c4d0", "1a2b3c4d.0x", "ca.pem"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        write_folder(names[i]);
    cr_assert_not(client_rig_connect(&rig));
    cr_assert_str_eq(rig.failure, "the system has no CA certificates to verify with");
}

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
