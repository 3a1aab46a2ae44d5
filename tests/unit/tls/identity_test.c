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
