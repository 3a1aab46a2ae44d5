/* SPDX-License-Identifier: MIT */
/* The client's side of real handshakes: who is let in, who is not and why, what is offered. */
#include "client_rig.h"

#include <criterion/criterion.h>

static struct client_rig rig;

static void start(void)
{
    client_rig_start(&rig);
}

static void stop(void)
{
    client_rig_stop(&rig);
}

TestSuite(client, .init = start, .fini = stop);

static void expect_refused(const char *reason)
{
    cr_assert_not(client_rig_connect(&rig));
    cr_assert_eq(rig.failed, ERROR_TLS);
    cr_assert(rig.was_unverified);
    cr_assert_str_eq(rig.failure, reason);
}

Test(client, a_verified_server)
{
    cr_assert(client_rig_connect(&rig), "%s", rig.failure);
    cr_assert_not(tls_is_unverified(rig.ours));
    cr_assert_str_eq(tls_protocol(rig.ours), "TLSv1.3");
    client_rig_talk(&rig);
    cr_assert_eq(memcmp(rig.got, "hello", 5), 0);
}

Test(client, another_name)
{
    rig.client.name = SLICE("other.test");
    expect_refused("hostname mismatch");
}

Test(client, an_unknown_authority)
{
    struct pki other;
    struct slice pem, *certificates;
    struct tls_trust *trust;
    uint32_t count;

    pki_make(&other);
    pem = pki_certificates_pem(&other.leaf, 1);
    cr_assert_eq(tls_examine_trusted(&rig.arena, &(struct tls_pem){pem, {"test", 1, 1}},
                                     &certificates, &count, &rig.diags),
                 0);
    rig.client.trust = trust = tls_trust_new(certificates, count);
    expect_refused("unable to get local issuer certificate");
    tls_trust_unref(trust);
    free((char *)pem.data);
    pki_free(&other);
}

Test(client, too_late_and_too_early)
{
    client_rig_show(&rig, &(struct pki_wish){.name = "leaf.test", .from = -7200, .until = -3600});
    expect_refused("certificate has expired");
    client_rig_show(&rig, &(struct pki_wish){.name = "leaf.test", .from = 3600, .until = 7200});
    expect_refused("certificate is not yet valid");
}

Test(client, names_and_addresses_of_a_certificate)
{
    rig.client.reuses_sessions = false; /* whoever is resumed is not verified again */
    client_rig_show(&rig, &(struct pki_wish){.name = "leaf.test",
                                             .names = "DNS:*.app.test,IP:127.0.0.1,IP:::1"});
    expect_refused("hostname mismatch");
    rig.client.name = SLICE("a.app.test");
    cr_assert(client_rig_connect(&rig), "%s", rig.failure);
    rig.client.name = SLICE("a.b.app.test");
    expect_refused("hostname mismatch");
    rig.client.name = SLICE("127.0.0.1");
    cr_assert(client_rig_connect(&rig), "%s", rig.failure);
    rig.client.name = SLICE("::1");
    cr_assert(client_rig_connect(&rig), "%s", rig.failure);
    rig.client.name = SLICE("127.0.0.2");
    expect_refused("IP address mismatch");
}

Test(client, a_chain_that_is_too_long)
{
    rig.client.verify_depth = 0;
    expect_refused("certificate chain too long");
}

Test(client, without_verification_anybody_will_do)
{
    rig.client.verify = false;
    rig.client.trust = NULL;
    rig.client.name = (struct slice){"", 0};
    cr_assert(client_rig_connect(&rig), "%s", rig.failure);
    client_rig_show(&rig, &(struct pki_wish){.name = "x", .from = -7200, .until = -3600});
    cr_assert(client_rig_connect(&rig), "%s", rig.failure);
}

Test(client, the_server_name_is_sent_when_asked_for)
{
    cr_assert(client_rig_connect(&rig));
    cr_assert_str_eq(rig.asked, "");
    rig.client.sends_name = true;
    cr_assert(client_rig_connect(&rig));
    cr_assert_str_eq(rig.asked, "leaf.test");
    /* RFC 6066 section 3: addresses are no server names. */
    rig.client.verify = false;
    rig.client.name = SLICE("127.0.0.1");
    cr_assert(client_rig_connect(&rig));
    cr_assert_str_eq(rig.asked, "");
}

Test(client, protocols)
{
    cr_assert(client_rig_connect(&rig));
    cr_assert_str_eq(rig.alpn, "http/1.1");
    rig.client.offers_http2 = true;
    cr_assert(client_rig_connect(&rig));
    cr_assert_str_eq(rig.alpn, "http/1.1", "the server does not");
    rig.server.http2 = true;
    cr_assert(client_rig_connect(&rig));
    cr_assert_str_eq(rig.alpn, "h2");
    rig.client.offers_http2 = false;
    cr_assert(client_rig_connect(&rig));
    cr_assert_str_eq(rig.alpn, "http/1.1");
}

Test(client, versions_without_overlap)
{
    const struct tls_policy old = {.versions = TLS_VERSION_1_2},
                            fresh = {.versions = TLS_VERSION_1_3};

    rig.server.context = tls_context_get(rig.contexts, &old, &rig.diags);
    rig.client.context = tls_client_context_get(rig.contexts, &fresh, &rig.diags);
    cr_assert_not(client_rig_connect(&rig));
    cr_assert_eq(rig.failed, ERROR_TLS);
    cr_assert_not(rig.was_unverified);
    cr_assert_str_eq(rig.failure, "tlsv1 alert protocol version");
}
