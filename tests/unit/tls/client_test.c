/* SPDX-License-Identifier: MIT */
/* The client's side of real handshakes: who is let in, who is not and why, what is offered. */
#include "duo.h"

#include <criterion/criterion.h>

static struct duo duo;

static void start(void)
{
    duo_start(&duo);
}

static void stop(void)
{
    duo_stop(&duo);
}

TestSuite(client, .init = start, .fini = stop);

static void expect_refused(const char *reason)
{
    cr_assert_not(duo_connect(&duo));
    cr_assert_eq(duo.failed, ERROR_TLS);
    cr_assert(duo.was_unverified);
    cr_assert_str_eq(duo.failure, reason);
}

Test(client, a_verified_server)
{
    cr_assert(duo_connect(&duo), "%s", duo.failure);
    cr_assert_not(tls_is_unverified(duo.ours));
    cr_assert_str_eq(tls_protocol(duo.ours), "TLSv1.3");
    duo_talk(&duo);
    cr_assert_eq(memcmp(duo.got, "hello", 5), 0);
}

Test(client, another_name)
{
    duo.client.name = SLICE("other.test");
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
    cr_assert_eq(tls_examine_trusted(&duo.arena, &(struct tls_pem){pem, {"test", 1, 1}},
                                     &certificates, &count, &duo.diags),
                 0);
    duo.client.trust = trust = tls_trust_new(certificates, count);
    expect_refused("unable to get local issuer certificate");
    tls_trust_unref(trust);
    free((char *)pem.data);
    pki_free(&other);
}

Test(client, too_late_and_too_early)
{
    duo_show(&duo, &(struct pki_wish){.name = "leaf.test", .from = -7200, .until = -3600});
    expect_refused("certificate has expired");
    duo_show(&duo, &(struct pki_wish){.name = "leaf.test", .from = 3600, .until = 7200});
    expect_refused("certificate is not yet valid");
}

Test(client, names_and_addresses_of_a_certificate)
{
    duo.client.reuses_sessions = false; /* whoever is resumed is not verified again */
    duo_show(&duo, &(struct pki_wish){.name = "leaf.test",
                                      .names = "DNS:*.app.test,IP:127.0.0.1,IP:::1"});
    expect_refused("hostname mismatch");
    duo.client.name = SLICE("a.app.test");
    cr_assert(duo_connect(&duo), "%s", duo.failure);
    duo.client.name = SLICE("a.b.app.test");
    expect_refused("hostname mismatch");
    duo.client.name = SLICE("127.0.0.1");
    cr_assert(duo_connect(&duo), "%s", duo.failure);
    duo.client.name = SLICE("::1");
    cr_assert(duo_connect(&duo), "%s", duo.failure);
    duo.client.name = SLICE("127.0.0.2");
    expect_refused("IP address mismatch");
}

Test(client, a_chain_that_is_too_long)
{
    duo.client.verify_depth = 0;
    expect_refused("certificate chain too long");
}

Test(client, without_verification_anybody_will_do)
{
    duo.client.verify = false;
    duo.client.trust = NULL;
    duo.client.name = (struct slice){"", 0};
    cr_assert(duo_connect(&duo), "%s", duo.failure);
    duo_show(&duo, &(struct pki_wish){.name = "x", .from = -7200, .until = -3600});
    cr_assert(duo_connect(&duo), "%s", duo.failure);
}

Test(client, the_server_name_is_sent_when_asked_for)
{
    cr_assert(duo_connect(&duo));
    cr_assert_str_eq(duo.asked, "");
    duo.client.sends_name = true;
    cr_assert(duo_connect(&duo));
    cr_assert_str_eq(duo.asked, "leaf.test");
    /* RFC 6066 section 3: addresses are no server names. */
    duo.client.verify = false;
    duo.client.name = SLICE("127.0.0.1");
    cr_assert(duo_connect(&duo));
    cr_assert_str_eq(duo.asked, "");
}

Test(client, protocols)
{
    cr_assert(duo_connect(&duo));
    cr_assert_str_eq(duo.alpn, "http/1.1");
    duo.client.offers_http2 = true;
    cr_assert(duo_connect(&duo));
    cr_assert_str_eq(duo.alpn, "http/1.1", "the server does not");
    duo.server.http2 = true;
    cr_assert(duo_connect(&duo));
    cr_assert_str_eq(duo.alpn, "h2");
    duo.client.offers_http2 = false;
    cr_assert(duo_connect(&duo));
    cr_assert_str_eq(duo.alpn, "http/1.1");
}

Test(client, versions_without_overlap)
{
    const struct tls_policy old = {.versions = TLS_VERSION_1_2},
                            fresh = {.versions = TLS_VERSION_1_3};

    duo.server.context = tls_context_get(duo.contexts, &old, &duo.diags);
    duo.client.context = tls_client_context_get(duo.contexts, &fresh, &duo.diags);
    cr_assert_not(duo_connect(&duo));
    cr_assert_eq(duo.failed, ERROR_TLS);
    cr_assert_not(duo.was_unverified);
    cr_assert_str_eq(duo.failure, "tlsv1 alert protocol version");
}
