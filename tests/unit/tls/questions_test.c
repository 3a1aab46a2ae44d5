/* SPDX-License-Identifier: MIT */
/* What can be asked about a connection, before, during and after its handshake. */
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

TestSuite(questions, .init = start, .fini = stop);

Test(questions, nothing_is_known_before_the_hello)
{
    rig_connect(&rig, server.context, 0);
    cr_assert_null(tls_chosen_server(rig.stream));
    cr_assert_eq(tls_server_name(rig.stream).len, 0);
    cr_assert_eq(tls_alpn(rig.stream).len, 0);
    cr_assert_str_eq(tls_failure(rig.stream), "");
    cr_assert_not(tls_session_reused(rig.stream));
}

Test(questions, everything_is_known_after_the_handshake)
{
    rig_connect(&rig, server.context, TLS1_3_VERSION);
    SSL_set_tlsext_host_name(rig.client, "one.test");
    SSL_set_alpn_protos(rig.client, (const unsigned char *)"\x08http/1.1", 9);
    rig_shake(&rig);
    cr_assert_eq(tls_chosen_server(rig.stream), &server);
    cr_assert(slice_equal(tls_server_name(rig.stream), SLICE("one.test")));
    cr_assert(slice_equal(tls_alpn(rig.stream), SLICE("http/1.1")));
    cr_assert_str_eq(tls_protocol(rig.stream), "TLSv1.3");
    cr_assert_str_eq(tls_cipher(rig.stream), SSL_get_cipher_name(rig.client));
    cr_assert_not(tls_session_reused(rig.stream));
    cr_assert_str_eq(tls_failure(rig.stream), "");
}
