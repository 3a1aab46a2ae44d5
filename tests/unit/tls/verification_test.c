/* SPDX-License-Identifier: MIT */
/* Clients' certificates: what is asked, how it is judged, what is told of them, and that no session
 * gets around it. */
#include "pki.h"
#include "rig.h"
#include "tls/tls_internal.h"

#include "tls/client.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>

static struct rig rig;
static struct pki pki;
static struct tls_ticket_keys keys = {.count = 1};
static struct tls_identity *identities[1];
static struct tls_trust *roots;
static struct tls_server server;
static struct tls_peer *peer;

static struct slice der_of(X509 *certificate)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    struct slice copy = arena_slice(&rig.arena, (struct slice){(const char *)der, (size_t)len});

    OPENSSL_free(der);
    return copy;
}

static void start(void)
{
    struct slice root;

    rig_start(&rig);
    pki_make(&pki);
    identities[0] = rig_identity(&rig, "one.test", "EC");
    RAND_bytes(keys.keys[0], sizeof(keys.keys[0]));
    root = der_of(pki.root);
    roots = tls_trust_new(&root, 1);
    server = (struct tls_server){
        .context = rig_context(&rig, 0),
        .identities = identities,
        .identity_count = 1,
        .tickets = &keys,
        .verification = {.mode = TLS_VERIFY_ON, .depth = 1, .trust = roots, .named = roots}};
    rig.chosen = &server;
}

static void stop(void)
{
    tls_peer_free(peer);
    tls_trust_unref(roots);
    pki_free(&pki);
    rig_stop(&rig);
}

TestSuite(verification, .init = start, .fini = stop);

/* The client shows the leaf (and with it the middle), or nothing. */
static void connect_with(int version, X509 *leaf, EVP_PKEY *key)
{
    rig_connect(&rig, server.context, version);
    if (leaf) {
        cr_assert_eq(SSL_use_certificate(rig.client, leaf), 1);
        cr_assert_eq(SSL_use_PrivateKey(rig.client, key), 1);
        cr_assert_eq(SSL_add1_chain_cert(rig.client, pki.middle), 1);
    }
    if (rig.session)
        SSL_set_session(rig.client, rig.session);
    rig_shake(&rig);
    tls_peer_free(peer);
    peer = tls_peer_new(rig.stream);
}

static void connect_as_leaf(int version)
{
    connect_with(version, pki.leaf, pki.leaf_key);
}

static void check_names(X509 *leaf)
{
    char serial[64];
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
    char *hex = BN_bn2hex(number);

    snprintf(serial, sizeof(serial), "%s", hex);
    OPENSSL_free(hex);
    BN_free(number);
    cr_expect(slice_equal(peer->subject, SLICE("CN=leaf.test")));
    cr_expect(slice_equal(peer->issuer, SLICE("CN=middle")));
    cr_expect(slice_equal(peer->serial, slice_of(serial)), "%.*s", SLICE_PRINTF(peer->serial));
    cr_expect_eq(peer->fingerprint.len, 40);
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

Test(verification, a_good_certificate_is_told)
{
    for (unsigned i = 0; i < 2; i++) {
        connect_as_leaf(versions[i]);
        cr_assert_not_null(peer);
        cr_expect(slice_equal(peer->verify, SLICE("SUCCESS")), "%.*s", SLICE_PRINTF(peer->verify));
        cr_expect_eq(peer->error, ERROR_NONE);
        check_names(pki.leaf);
        SSL_SESSION_free(rig.session);
        rig.session = NULL;
    }
}

Test(verification, authorities_are_told_to_the_client)
{
    const STACK_OF(X509_NAME) * names;

    connect_as_leaf(TLS1_2_VERSION);
    names = SSL_get_client_CA_list(rig.client);
    cr_assert_eq(sk_X509_NAME_num(names), 1);
    cr_expect_eq(X509_NAME_cmp(sk_X509_NAME_value(names, 0), X509_get_subject_name(pki.root)), 0);
    server.verification.named = NULL;
    connect_with(TLS1_2_VERSION, NULL, NULL);
    cr_expect_leq(sk_X509_NAME_num(SSL_get_client_CA_list(rig.client)), 0);
}

/* A handshake costs no copies of them. */
Test(verification, authorities_are_lent_to_the_handshake)
{
    const struct tls_connection *connection;

    for (int i = 0; i < 3; i++) {
        connect_as_leaf(TLS1_3_VERSION);
        connection = stream_layer(rig.stream);
        cr_assert_eq(sk_X509_NAME_num(SSL_get_client_CA_list(connection->ssl)), 1);
        cr_expect_eq(sk_X509_NAME_value(SSL_get_client_CA_list(connection->ssl), 0),
                     sk_X509_NAME_value(tls_trust_names(roots), 0));
    }
}

/* More than a handshake's list can hold must not end the handshake. */
Test(verification, too_many_authorities_are_not_told)
{
    enum { COUNT = 900 };
    static struct slice many[COUNT];
    EVP_PKEY *key = pki_key("EC", 0);
    struct tls_trust *trust;

    for (int i = 0; i < COUNT; i++) {
        char name[65];

        snprintf(name, sizeof(name), "%064d", i);
        X509 *certificate =
            pki_certificate(&(struct pki_wish){.name = name, .is_ca = true}, key, NULL, NULL);
        many[i] = der_of(certificate);
        X509_free(certificate);
    }
    trust = tls_trust_new(many, COUNT);
    server.verification.named = trust;
    connect_as_leaf(TLS1_3_VERSION);
    cr_expect_eq(peer->error, ERROR_NONE);
    cr_expect_leq(sk_X509_NAME_num(SSL_get0_peer_CA_list(rig.client)), 0);
    rig_disconnect(&rig);
    tls_trust_unref(trust);
    EVP_PKEY_free(key);
}

Test(verification, none_is_told_and_may_be_needed)
{
    static const struct {
        enum tls_verify mode;
        enum error error;
    } cases[] = {{TLS_VERIFY_ON, ERROR_NO_CERTIFICATE},
                 {TLS_VERIFY_OPTIONAL, ERROR_NONE},
                 {TLS_VERIFY_OPTIONAL_NO_CA, ERROR_NONE}};

    for (unsigned i = 0; i < 3; i++) {
        server.verification.mode = cases[i].mode;
        server.session_context[0] = (unsigned char)i;
        connect_with(versions[i % 2], NULL, NULL);
        cr_expect(slice_equal(peer->verify, SLICE("NONE")));
        cr_expect_eq(peer->error, cases[i].error);
        cr_expect_eq(peer->subject.len, 0);
    }
}

Test(verification, off_asks_for_nothing)
{
    server.verification = (struct tls_verification){0};
    connect_as_leaf(TLS1_3_VERSION);
    cr_assert_null(peer);
}

Test(verification, a_stranger_is_judged_by_the_mode)
{
    EVP_PKEY *key = pki_key("EC", 0);
    X509 *stranger = pki_certificate(&(struct pki_wish){.name = "leaf.test"}, key, NULL, NULL);
    static const struct {
        enum tls_verify mode;
        enum error error;
    } cases[] = {{TLS_VERIFY_ON, ERROR_BAD_CERTIFICATE},
                 {TLS_VERIFY_OPTIONAL, ERROR_BAD_CERTIFICATE},
                 {TLS_VERIFY_OPTIONAL_NO_CA, ERROR_NONE}};

    for (unsigned i = 0; i < 6; i++) {
        server.verification.mode = cases[i / 2].mode;
        server.session_context[0] = (unsigned char)i;
        connect_with(versions[i % 2], stranger, key);
        cr_expect(slice_starts_with(peer->verify, SLICE("FAILED:")), "%.*s",
                  SLICE_PRINTF(peer->verify));
        cr_expect_eq(peer->error, cases[i / 2].error);
        cr_expect(slice_equal(peer->subject, SLICE("CN=leaf.test")));
    }
    server.verification.trust = NULL;
    connect_with(0, stranger, key);
    cr_expect_eq(peer->error, ERROR_NONE, "nothing is trusted, and need not be");
    X509_free(stranger);
    EVP_PKEY_free(key);
}

Test(verification, an_expired_one_is_refused_in_every_mode)
{
    EVP_PKEY *key = pki_key("EC", 0);
    X509 *expired =
        pki_certificate(&(struct pki_wish){.name = "old.test", .from = -7200, .until = -3600}, key,
                        pki.root, pki.root_key);

    for (int mode = TLS_VERIFY_ON; mode <= TLS_VERIFY_OPTIONAL_NO_CA; mode++) {
        server.verification.mode = (enum tls_verify)mode;
        server.session_context[0] = (unsigned char)mode;
        connect_with(0, expired, key);
        cr_expect_eq(peer->error, ERROR_BAD_CERTIFICATE);
        cr_expect(slice_equal(peer->verify, SLICE("FAILED:certificate has expired")), "%.*s",
                  SLICE_PRINTF(peer->verify));
    }
    X509_free(expired);
    EVP_PKEY_free(key);
}

Test(verification, the_depth_is_kept)
{
    server.verification.depth = 0;
    connect_as_leaf(TLS1_3_VERSION);
    cr_expect_eq(peer->error, ERROR_BAD_CERTIFICATE);
    cr_expect(slice_starts_with(peer->verify, SLICE("FAILED:")));
}

/* ---- sessions ---- */

static void take_session(int version)
{
    char data[16];

    rig_write(&rig, "x", 1);
    rig_until(&rig, rig_take(&rig, data, sizeof(data)) == 1);
    if (version == TLS1_2_VERSION) {
        SSL_SESSION_free(rig.session);
        rig.session = SSL_get1_session(rig.client);
    }
    cr_assert_not_null(rig.session);
}

Test(verification, a_resumed_session_tells_the_same)
{
    for (unsigned i = 0; i < 2; i++) {
        connect_as_leaf(versions[i]);
        take_session(versions[i]);
        connect_with(versions[i], NULL, NULL);
        cr_expect(tls_session_reused(rig.stream));
        cr_expect(slice_equal(peer->verify, SLICE("SUCCESS")));
        check_names(pki.leaf);
        SSL_SESSION_free(rig.session);
        rig.session = NULL;
    }
}

Test(verification, a_resumed_session_expires_with_its_certificate)
{
    EVP_PKEY *key = pki_key("EC", 0);
    X509 *brief = pki_certificate(&(struct pki_wish){.name = "brief", .from = -60, .until = 2}, key,
                                  pki.root, pki.root_key);

    connect_with(TLS1_3_VERSION, brief, key);
    cr_expect_eq(peer->error, ERROR_NONE);
    take_session(TLS1_3_VERSION);
    while (X509_cmp_current_time(X509_get0_notAfter(brief)) > 0)
        poll(NULL, 0, 50);
    connect_with(TLS1_3_VERSION, NULL, NULL);
    cr_expect(tls_session_reused(rig.stream));
    cr_expect_eq(peer->error, ERROR_BAD_CERTIFICATE);
    cr_expect(slice_equal(peer->verify, SLICE("FAILED:certificate has expired")));
    X509_free(brief);
    EVP_PKEY_free(key);
}

/* Under an unchanged context it would resume: that is what the context is for. */
Test(verification, a_ticket_from_before_is_worth_nothing)
{
    const struct tls_verification demands = server.verification;

    for (unsigned i = 0; i < 2; i++) {
        server.verification = (struct tls_verification){0};
        server.session_context[0] = 0;
        connect_with(versions[i], NULL, NULL);
        take_session(versions[i]);
        server.verification = demands;
        server.session_context[0] = 1;
        connect_with(versions[i], NULL, NULL);
        cr_expect_not(tls_session_reused(rig.stream));
        cr_expect_eq(peer->error, ERROR_NO_CERTIFICATE);
        SSL_SESSION_free(rig.session);
        rig.session = NULL;
    }
}

Test(verification, equal_is_what_has_one_hash)
{
    struct tls_verification a = {.hash = {1}}, b = {.hash = {1}, .depth = 7}, c = {0};

    cr_expect(tls_verification_equal(&a, &b));
    cr_expect_not(tls_verification_equal(&a, &c));
}

/* Too long to be told whole: not told. */
Test(verification, a_name_without_end_is_not_told)
{
    EVP_PKEY *key = pki_key("EC", 0);
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);

    for (int i = 0; i < 100; i++)
        X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_ASC,
                                   (const unsigned char *)"0123456789012345678901234567890123456789"
                                                          "01234567890123456789",
                                   -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(pki.root));
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
    X509_set_pubkey(certificate, key);
    cr_assert_gt(X509_sign(certificate, pki.root_key, EVP_sha256()), 0);
    connect_with(0, certificate, key);
    cr_expect(slice_equal(peer->verify, SLICE("SUCCESS")), "%.*s", SLICE_PRINTF(peer->verify));
    cr_expect_eq(peer->subject.len, 0);
    cr_expect(slice_equal(peer->issuer, SLICE("CN=root")));
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void expect_serial(const unsigned char *bytes, int len, bool is_negative, struct slice text)
{
    EVP_PKEY *key = pki_key("EC", 0);
    X509 *certificate = X509_new();
    BIGNUM *number = BN_bin2bn(bytes, len, NULL);

    BN_set_negative(number, is_negative);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    X509_set_issuer_name(certificate, X509_get_subject_name(pki.root));
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
    X509_set_pubkey(certificate, key);
    cr_assert_gt(X509_sign(certificate, pki.root_key, EVP_sha256()), 0);
    connect_with(TLS1_2_VERSION, certificate, key);
    cr_expect(slice_equal(peer->serial, text), "%.*s", SLICE_PRINTF(peer->serial));
    SSL_SESSION_free(rig.session);
    rig.session = NULL;
    BN_free(number);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* OpenSSL's own text breaks into lines after 35 bytes. */
Test(verification, a_serial_is_one_line_of_hexadecimal)
{
    static unsigned char bytes[3000];
    static char text[2 * sizeof(bytes)];

    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = 0xab;
        text[2 * i] = 'A';
        text[2 * i + 1] = 'B';
    }
    expect_serial(bytes, 40, false, (struct slice){text, 80});
    expect_serial(bytes, 0, false, SLICE("00"));
    expect_serial(bytes, 1, true, SLICE("-AB"));
    expect_serial(bytes, sizeof(bytes), false, SLICE(""));
}
