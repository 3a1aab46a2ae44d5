/* SPDX-License-Identifier: MIT */
/* What the client's hello decides: server, certificate, protocol; and what is refused. */
#include "rig.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/evp.h>

static struct rig rig;
static struct tls_identity *ec[1], *both[2];
static struct tls_server one, two;

static void start(void)
{
    rig_start(&rig);
    ec[0] = rig_identity(&rig, "one.test", "EC");
    both[0] = rig_identity(&rig, "ecdsa", "EC");
    both[1] = rig_identity(&rig, "rsa", "RSA");
    one =
        (struct tls_server){.context = rig_context(&rig, 0), .identities = ec, .identity_count = 1};
    two = (struct tls_server){
        .context = rig_context(&rig, TLS_VERSION_1_2), .identities = both, .identity_count = 2};
    rig.chosen = &one;
}

static void stop(void)
{
    rig_stop(&rig);
}

TestSuite(hello, .init = start, .fini = stop);

static int last_alert;

static void on_info(const SSL *ssl, int where, int value)
{
    (void)ssl;
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
        last_alert = value & 0xff;
}

static void refused(int alert)
{
    SSL_set_info_callback(rig.client, on_info);
    rig_until(&rig, rig.failed && rig.client_error);
    cr_assert_eq(rig.failed, ERROR_TLS);
    cr_assert_eq(last_alert, alert);
    cr_assert_eq(rig.opened, 0);
}

Test(hello, the_name_arrives_lower_case_without_dot)
{
    char name[64];

    rig_connect(&rig, one.context, 0);
    SSL_set_tlsext_host_name(rig.client, "OnE.TeSt.");
    rig_shake(&rig);
    cr_assert_str_eq(rig.asked, "one.test");
    cr_assert(slice_equal(tls_server_name(rig.stream), SLICE("one.test")));
    rig_peer_name(&rig, name);
    cr_assert_str_eq(name, "one.test");
}

Test(hello, no_name_is_an_empty_one)
{
    rig_connect(&rig, one.context, 0);
    rig_shake(&rig);
    cr_assert_eq(rig.selects, 1);
    cr_assert_str_eq(rig.asked, "");
}

Test(hello, an_unknown_name_is_refused)
{
    rig.chosen = NULL;
    rig_connect(&rig, one.context, 0);
    SSL_set_tlsext_host_name(rig.client, "nobody.test");
    refused(SSL_AD_UNRECOGNIZED_NAME);
    cr_assert_str_eq(rig.failure, "unknown server name");
}

Test(hello, names_that_could_forge_a_log_line_are_refused)
{
    rig_connect(&rig, one.context, 0);
    SSL_set_tlsext_host_name(rig.client, "one.test\nevil");
    refused(SSL_AD_DECODE_ERROR);
    cr_assert_eq(rig.selects, 0);
}

Test(hello, a_dot_alone_is_no_name)
{
    rig_connect(&rig, one.context, 0);
    SSL_set_tlsext_host_name(rig.client, ".");
    refused(SSL_AD_DECODE_ERROR);
}

Test(hello, the_chosen_server_brings_its_versions)
{
    rig.chosen = &two;
    rig_connect(&rig, one.context, 0);
    rig_shake(&rig);
    cr_assert_str_eq(tls_protocol(rig.stream), "TLSv1.2");
    rig_connect(&rig, one.context, TLS1_3_VERSION);
    refused(SSL_AD_PROTOCOL_VERSION);

    rig.chosen = &one;
    rig_connect(&rig, two.context, TLS1_3_VERSION);
    rig_shake(&rig);
    cr_assert_str_eq(tls_protocol(rig.stream), "TLSv1.3");
}

Test(hello, the_chosen_server_brings_its_groups_and_ciphers)
{
    const struct tls_policy policy = {.ciphers = SLICE("ECDHE-ECDSA-AES256-GCM-SHA384"),
                                      .groups = SLICE("P-384")};
    struct tls_server narrow = one;

    narrow.context = tls_context_get(rig.contexts, &policy, &rig.diags);
    cr_assert_not_null(narrow.context);
    rig.chosen = &narrow;
    rig_connect(&rig, one.context, TLS1_2_VERSION);
    rig_shake(&rig);
    cr_assert_str_eq(tls_cipher(rig.stream), "ECDHE-ECDSA-AES256-GCM-SHA384");
    rig_connect(&rig, one.context, TLS1_3_VERSION);
    rig_shake(&rig);
    cr_assert_eq(SSL_get_negotiated_group(rig.client), NID_secp384r1);
    cr_assert_eq(rig.selects, 1, "once, although the client had to say hello again");

    rig.chosen = &one;
    rig_connect(&rig, narrow.context, TLS1_3_VERSION);
    rig_shake(&rig);
    cr_assert_eq(SSL_get_negotiated_group(rig.client), NID_X25519, "and back to the default");
}

static void assert_kind(const char *ciphers, const char *expected)
{
    char name[64];

    rig_connect(&rig, one.context, TLS1_2_VERSION);
    cr_assert_eq(SSL_set_cipher_list(rig.client, ciphers), 1);
    rig_shake(&rig);
    rig_peer_name(&rig, name);
    cr_assert_str_eq(name, expected);
}

Test(hello, ecdsa_and_rsa_side_by_side)
{
    char name[64];

    rig.chosen = &two;
    assert_kind("ECDHE-RSA-AES128-GCM-SHA256", "rsa");
    assert_kind("ECDHE-ECDSA-AES128-GCM-SHA256", "ecdsa");
    two.context = one.context;
    rig_connect(&rig, one.context, TLS1_3_VERSION);
    rig_shake(&rig);
    rig_peer_name(&rig, name);
    cr_assert_str_eq(name, "ecdsa");
    rig_connect(&rig, one.context, TLS1_3_VERSION);
    cr_assert_eq(SSL_set1_sigalgs_list(rig.client, "rsa_pss_rsae_sha256"), 1);
    rig_shake(&rig);
    rig_peer_name(&rig, name);
    cr_assert_str_eq(name, "rsa");
}

Test(hello, without_certificate_the_handshake_is_refused)
{
    struct tls_server bare = {.context = one.context};

    rig.chosen = &bare;
    rig_connect(&rig, one.context, 0);
    refused(SSL_AD_INTERNAL_ERROR);
    cr_assert_str_eq(rig.failure, "no usable certificate");
}

static void agrees_on(bool http2, const char *offered, const char *expected)
{
    one.http2 = http2;
    rig_connect(&rig, one.context, 0);
    SSL_set_alpn_protos(rig.client, (const unsigned char *)offered, (unsigned)strlen(offered));
    rig_shake(&rig);
    cr_assert(slice_equal(tls_alpn(rig.stream), slice_of(expected)), "%s", offered);
}

Test(hello, alpn)
{
    agrees_on(false, "\x02h2\x08http/1.1", "http/1.1");
    agrees_on(true, "\x08http/1.1\x02h2", "h2");
    agrees_on(true, "\x08http/1.0", "http/1.0");
    agrees_on(false, "\x08http/1.0", "http/1.0");
    agrees_on(true, "\x08http/1.0\x08http/1.1", "http/1.1");
    agrees_on(true, "\x08http/1.0\x02h2", "h2");
    agrees_on(false, "\x02h2\x08http/1.0", "http/1.0");
    agrees_on(false,
              "\x08http/0.9\x03"
              "foo\x08http/1.1",
              "http/1.1");

    one.http2 = false;
    rig_connect(&rig, one.context, 0);
    SSL_set_alpn_protos(rig.client, (const unsigned char *)"\x02h2", 3);
    refused(SSL_AD_NO_APPLICATION_PROTOCOL);
    cr_assert_str_eq(rig.failure, "no application protocol in common");
    rig_connect(&rig, one.context, 0);
    SSL_set_alpn_protos(rig.client, (const unsigned char *)"\x08http/0.9", 9);
    refused(SSL_AD_NO_APPLICATION_PROTOCOL);
}

/* What the client has to offer of TLS 1.2, one by one: which are agreed on with these keys. */
static unsigned count_agreed(const char *wanted)
{
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(rig.client_context);
    unsigned agreed = 0;

    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const char *name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i));

        if (strncmp(name, "TLS_", 4) == 0)
            continue;
        rig_connect(&rig, one.context, TLS1_2_VERSION);
        SSL_set_cipher_list(rig.client, name);
        rig_until(&rig, rig.failed || rig.ended || rig.opened == 1);
        if (!rig.opened)
            continue;
        agreed++;
        cr_expect(strstr(name, wanted) && (strstr(name, "GCM") || strstr(name, "CHACHA20")),
                  "%s is agreed on", name);
    }
    return agreed;
}

Test(hello, ciphers_of_1_2_have_forward_secrecy_and_aead)
{
    SSL_CTX_set_cipher_list(rig.client_context, "ALL:COMPLEMENTOFALL:@SECLEVEL=0");
    rig.chosen = &two;
    cr_expect_eq(count_agreed("ECDHE-"), 6);
    two.identity_count = 1;
    cr_expect_eq(count_agreed("ECDHE-ECDSA-"), 3);
    two.identities++;
    cr_expect_eq(count_agreed("ECDHE-RSA-"), 3);
}
