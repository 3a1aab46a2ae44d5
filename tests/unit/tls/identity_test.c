/* SPDX-License-Identifier: MIT */
/* Identities: decoded at first use, forgotten at will, kept alive by connections. */
#include "rig.h"

#include <criterion/criterion.h>

static struct rig rig;
static struct tls_identity *identities[1];
static struct tls_server server;

static void start(void)
{
    rig_start(&rig);
    identities[0] = rig_identity(&rig, "one.test", "EC");
    server = (struct tls_server){
        .context = rig_context(&rig, 0), .identities = identities, .identity_count = 1};
    rig.chosen = &server;
}

static void stop(void)
{
    rig_stop(&rig);
}

TestSuite(identity, .init = start, .fini = stop);

Test(identity, is_decoded_at_the_first_handshake_and_after_it_was_forgotten)
{
    char data[16];

    cr_assert_not(tls_identity_is_decoded(identities[0]));
    rig_connect(&rig, server.context, 0);
    rig_shake(&rig);
    cr_assert(tls_identity_is_decoded(identities[0]));
    tls_identity_forget(identities[0]);
    cr_assert_not(tls_identity_is_decoded(identities[0]));
    rig_write(&rig, "x", 1);
    rig_until(&rig, rig_take(&rig, data, sizeof(data)) == 1);
    rig_connect(&rig, server.context, 0);
    rig_shake(&rig);
    cr_assert(tls_identity_is_decoded(identities[0]));
}

Test(identity, a_handshake_under_way_keeps_it_alive)
{
    rig_connect(&rig, server.context, TLS1_3_VERSION);
    rig_until(&rig, rig.selects == 1);
    tls_identity_free(rig.identities[0]);
    rig.identity_count = 0;
    rig_shake(&rig);
}

Test(identity, what_cannot_be_decoded_refuses_the_handshake)
{
    static struct tls_der der = {.chain = {{"garbage", 7}}, .chain_count = 1, .key = {"x", 1}};

    identities[0] = rig.identities[rig.identity_count++] = tls_identity_new(&der);
    rig_connect(&rig, server.context, 0);
    rig_until(&rig, rig.failed == ERROR_TLS);
    cr_assert_str_eq(rig.failure, "no usable certificate");
    cr_assert_not(tls_identity_is_decoded(identities[0]));
    tls_identity_free(NULL);
}

Test(identity, every_kind_of_key)
{
    static const char *const kinds[] = {"RSA", "EC", "ED25519"};

    for (int i = 0; i < 3; i++) {
        identities[0] = rig_identity(&rig, kinds[i], kinds[i]);
        rig_connect(&rig, server.context, 0);
        rig_shake(&rig);
    }
}

/* ---- kinds ---- */

/* curve: of an EC key alone. */
static void expect_kind(const char *algorithm, const char *curve, const char *name)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
    EVP_PKEY *key = NULL;

    cr_assert_eq(EVP_PKEY_keygen_init(context), 1);
    if (curve)
        cr_assert_eq(EVP_PKEY_CTX_set_group_name(context, curve), 1);
    cr_assert_eq(EVP_PKEY_generate(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    unsigned char *bytes = NULL;
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, &bytes);
    struct tls_der der = {.key = {(const char *)bytes, (size_t)len}};

    cr_assert_gt(len, 0);
    cr_expect_str_eq(tls_kind_name(tls_kind_of(&der)), name);
    OPENSSL_free(bytes);
    PKCS8_PRIV_KEY_INFO_free(info);
    EVP_PKEY_free(key);
}

Test(identity, its_kind_is_told_by_the_key)
{
    expect_kind("RSA", NULL, "rsa");
    expect_kind("RSA-PSS", NULL, "rsa");
    expect_kind("EC", "P-256", "ecdsa");
    expect_kind("EC", "P-521", "ecdsa");
    expect_kind("ED25519", NULL, "ed25519");
    expect_kind("ED448", NULL, "ed448");
    expect_kind("X25519", NULL, "other");
}

Test(identity, the_kind_of_what_is_no_key_is_another_one)
{
    struct tls_der der = {.key = SLICE("no key at all")};

    cr_assert_eq(tls_kind_of(&der), TLS_KIND_OTHER);
    der.key = (struct slice){NULL, 0};
    cr_assert_eq(tls_kind_of(&der), TLS_KIND_OTHER);
}
