/* SPDX-License-Identifier: MIT */
/* Sessions that a client keeps: when they save a handshake, and when they go. */
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

TestSuite(session, .init = start, .fini = stop);

static void connect_and_talk(void)
{
    cr_assert(client_rig_connect(&rig), "%s", rig.failure);
    client_rig_talk(&rig);
}

static void use_version(uint32_t version)
{
    const struct tls_policy policy = {.versions = version};

    rig.client.context = tls_client_context_get(rig.contexts, &policy, &rig.diags);
}

Test(session, the_second_connection_resumes)
{
    connect_and_talk();
    cr_assert_not(rig.was_resumed);
    cr_assert_eq(tls_sessions_count(rig.sessions), 2, "tickets of TLS 1.3");
    connect_and_talk();
    cr_assert(rig.was_resumed);
}

Test(session, a_ticket_of_tls_1_3_is_for_one_use)
{
    const char *const both[] = {"the second ticket", "the first one"};

    connect_and_talk();
    rig.tickets.count = 0; /* no new ones, and none is opened */
    for (int i = 0; i < 2; i++) {
        cr_assert(client_rig_connect(&rig));
        cr_assert_eq(tls_sessions_count(rig.sessions), (unsigned)(1 - i), "%s is used", both[i]);
        cr_assert_not(rig.was_resumed);
    }
}

Test(session, each_connection_brings_a_ticket_for_the_next)
{
    for (int i = 0; i < 8; i++) {
        connect_and_talk();
        cr_assert_eq(rig.was_resumed, i > 0);
        cr_assert_eq(tls_sessions_count(rig.sessions), 2);
    }
}

Test(session, tls_1_2_resumes_again_and_again)
{
    use_version(TLS_VERSION_1_2);
    connect_and_talk();
    for (int i = 0; i < 3; i++) {
        connect_and_talk();
        cr_assert(rig.was_resumed);
    }
}

Test(session, a_few_are_kept)
{
    for (int i = 0; i < 5; i++)
        connect_and_talk();
    cr_assert_leq(tls_sessions_count(rig.sessions), 4);
}

Test(session, none_when_they_are_not_wanted)
{
    rig.client.reuses_sessions = false;
    connect_and_talk();
    cr_assert_eq(tls_sessions_count(rig.sessions), 0);
    connect_and_talk();
    cr_assert_not(rig.was_resumed);
    tls_sessions_free(NULL);
}

Test(session, a_failed_handshake_forgets_them)
{
    connect_and_talk();
    rig.tickets.keys[0][0] ^= 1; /* or it would resume */
    client_rig_show(&rig, &(struct pki_wish){.name = "other.test"});
    cr_assert_not(client_rig_connect(&rig));
    cr_assert_eq(tls_sessions_count(rig.sessions), 0);
}
