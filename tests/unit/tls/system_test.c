/* SPDX-License-Identifier: MIT */
/* The system's CA certificates: files and folders, read once. */
#include "client_rig.h"

#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct client_rig rig;
static char folder[64];
static char file[80];
static char bytes[65536];

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

static void read_system(void)
{
    tls_contexts_set_system(rig.contexts,
                            (struct slice){bytes, tls_system_read(bytes, sizeof(bytes))});
}

TestSuite(system, .init = start, .fini = stop);

static void write_file(const char *path, X509 *certificate)
{
    struct slice pem = pki_certificates_pem(&certificate, 1);
    FILE *out = fopen(path, "w");

    cr_assert_eq(fwrite(pem.data, 1, pem.len, out), pem.len);
    fclose(out);
    free((char *)pem.data);
}

Test(system, the_system_has_it)
{
    write_file(file, rig.pki.root);
    read_system();
    unlink(file);
    cr_assert(client_rig_connect(&rig), "no file is opened later: %s", rig.failure);
    cr_assert(client_rig_connect(&rig), "decoded once");
}

Test(system, the_system_has_another)
{
    write_file(file, rig.pki.leaf);
    read_system();
    cr_assert_not(client_rig_connect(&rig));
    cr_assert_str_eq(rig.failure, "unable to get local issuer certificate");
}

Test(system, the_system_has_none)
{
    read_system();
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
    read_system();
    unlink(path);
    snprintf(path, sizeof(path), "%s/00000000.0", folder);
    unlink(path);
}

Test(system, the_system_has_it_in_a_folder)
{
    write_folder("1a2b3c4d.10");
    cr_assert(client_rig_connect(&rig), "%s", rig.failure);
}

Test(system, a_folder_is_read_by_hashed_names)
{
    static const char *const names[] = {"1a2b3c4.0", "1a2b3c4d.r0", "1a2b3c4d.",
                                        "1a2b3c4d0", "1a2b3c4d.0x", "ca.pem"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        write_folder(names[i]);
    cr_assert_not(client_rig_connect(&rig));
    cr_assert_str_eq(rig.failure, "the system has no CA certificates to verify with");
}

Test(system, what_the_file_has_is_not_taken_from_the_folder_again)
{
    char link[128];
    size_t len;

    write_file(file, rig.pki.root);
    len = tls_system_read(bytes, sizeof(bytes));
    cr_assert_gt(len, 0);
    setenv("SSL_CERT_DIR", folder, 1);
    snprintf(link, sizeof(link), "%s/1a2b3c4d.0", folder);
    write_file(link, rig.pki.root);
    cr_assert_eq(tls_system_read(bytes, sizeof(bytes)), len);
    write_file(link, rig.pki.leaf);
    cr_assert_gt(tls_system_read(bytes, sizeof(bytes)), len);
    unlink(link);
}

Test(system, what_there_is_no_room_for_is_left_out)
{
    write_file(file, rig.pki.root);
    cr_assert_eq(tls_system_read(bytes, 100), 0);
}
