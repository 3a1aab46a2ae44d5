/* SPDX-License-Identifier: MIT */
/* Session tickets: resumed within one tenant's server, never anywhere else. */
#include "rig.h"

#include <criterion/criterion.h>
#include <openssl/rand.h>
#include <unistd.h>

static struct rig rig;
static struct tls_ticket_keys keys_a, keys_b;
static struct tls_identity *identities[1];
static struct tls_server a, b;

static void start(void)
{
    rig_start(&rig);
    identities[0] = rig_identity(&rig, "one.test", "EC");
    RAND_bytes(keys_a.keys[0], sizeof(keys_a.keys));
    RAND_bytes(keys_b.keys[0], sizeof(keys_b.keys));
    keys_a.count = keys_b.count = 1;
    a = (struct tls_server){.context = rig_context(&rig, 0),
                            .identities = identities,
                            .identity_count = 1,
                            .tickets = &keys_a,
                            .session_context = {'a'}};
    b = a;
    b.tickets = &keys_b;
    b.session_context[0] = 'b';
    rig.chosen = &a;
}

static void stop(void)
{
    rig_stop(&rig);
}

TestSuite(ticket, .init = start, .fini = stop);

/* Shakes hands, showing the ticket of before, if any, and takes the new one. */
static bool resumes(int version)
{
    char data[16];

    rig_connect(&rig, rig.chosen->context, version);
    SSL_set_tlsext_host_name(rig.client, "one.test");
    if (rig.session)
        SSL_set_session(rig.client, rig.session);
    rig_shake(&rig);
    rig_write(&rig, "x", 1);
    rig_until(&rig, rig_take(&rig, data, sizeof(data)) == 1);
    cr_assert_eq(tls_session_reused(rig.stream), SSL_session_reused(rig.client));
    if (version == TLS1_2_VERSION) {
        /* OpenSSL's callback does not tell of a renewed ticket. */
        SSL_SESSION_free(rig.session);
        rig.session = SSL_get1_session(rig.client);
    }
    return tls_session_reused(rig.stream);
}

static void forget(void)
{
    SSL_SESSION_free(rig.session);
    rig.session = NULL;
}

static void check(int version)
{
    cr_assert_not(resumes(version));
    cr_assert_not_null(rig.session);
    cr_assert(resumes(version), "within one server");

    rig.chosen = &b;
    cr_assert_not(resumes(version), "another tenant: other keys, other context");
    forget();

    rig.chosen = &a;
    cr_assert_not(resumes(version));
    struct tls_server same_keys = a;
    same_keys.session_context[0] = 'c';
    rig.chosen = &same_keys;
    cr_assert_not(resumes(version), "another context under the same keys");
}

Test(ticket, resume_only_at_home_1_3)
{
    check(TLS1_3_VERSION);
}

Test(ticket, other_context_is_refused_1_2)
{
    cr_assert_not(resumes(TLS1_2_VERSION));
    cr_assert_not_null(rig.session);
    cr_assert(resumes(TLS1_2_VERSION));
    rig.chosen = &b;
    cr_assert_not(resumes(TLS1_2_VERSION));
    rig.chosen = &a;
    forget();
    cr_assert_not(resumes(TLS1_2_VERSION));
    struct tls_server same_keys = a;
    same_keys.session_context[0] = 'c';
    rig.chosen = &same_keys;
    cr_assert_not(resumes(TLS1_2_VERSION));
}

static void rotate(int version)
{
    struct tls_ticket_keys next = {.count = 2};

    cr_assert_not(resumes(version));
    memcpy(next.keys[1], keys_a.keys[0], TLS_TICKET_KEY);
    RAND_bytes(next.keys[0], TLS_TICKET_KEY);
    a.tickets = &next;
    cr_assert(resumes(version), "the older key still opens");
    next.count = 1;
    cr_assert(resumes(version), "and the ticket was renewed under the newer one");
    struct tls_ticket_keys other = {.count = 1};
    RAND_bytes(other.keys[0], TLS_TICKET_KEY);
    a.tickets = &other;
    cr_assert_not(resumes(version));
}

Test(ticket, keys_rotate_1_3)
{
    rotate(TLS1_3_VERSION);
}

Test(ticket, keys_rotate_1_2)
{
    rotate(TLS1_2_VERSION);
}

/* A client that uses every ticket once, as RFC 8446 section C.4 asks for. */
Test(ticket, each_one_buys_the_next_in_1_3)
{
    cr_assert_not(resumes(TLS1_3_VERSION));
    for (int i = 0; i < 10; i++) {
        SSL_SESSION *used = rig.session;

        cr_assert(resumes(TLS1_3_VERSION), "the %dth time", i + 1);
        cr_assert_neq(rig.session, used, "a new one came");
    }
}

/* What the newest ticket's hint says, in seconds. */
static long lifetime_left(void)
{
    return (long)SSL_SESSION_get_ticket_lifetime_hint(rig.session);
}

Test(ticket, renewing_does_not_prolong_the_session)
{
    long whole, left;

    cr_assert_not(resumes(TLS1_3_VERSION));
    whole = lifetime_left();
    cr_assert_gt(whole, 60);
    for (int i = 0; i < 2; i++)
        cr_assert(resumes(TLS1_3_VERSION));
    sleep(2);
    cr_assert(resumes(TLS1_3_VERSION));
    left = lifetime_left();
    cr_assert_lt(left, whole - 1, "%ld of %ld s", left, whole);
    cr_assert_gt(left, whole - 60);
}

Test(ticket, every_worker_of_a_tenant_opens_them)
{
    struct tls_ticket_keys same = keys_a;
    struct tls_server other = a;

    other.tickets = &same;
    for (int i = 0; i < 4; i++) {
        rig.chosen = i % 2 ? &other : &a;
        cr_assert_eq(resumes(TLS1_3_VERSION), i > 0);
    }
}

/* CONFIG.md: no cache of sessions. */
Test(ticket, without_them_1_2_offers_no_session_id)
{
    unsigned len;

    rig_connect(&rig, a.context, TLS1_2_VERSION);
    SSL_set_options(rig.client, SSL_OP_NO_TICKET);
    rig_shake(&rig);
    (void)SSL_SESSION_get_id(SSL_get_session(rig.client), &len);
    cr_assert_eq(len, 0);
}

static void none(int version)
{
    a.tickets = NULL;
    cr_assert_not(resumes(version));
    cr_assert(!rig.session || !SSL_SESSION_has_ticket(rig.session));
    cr_assert_not(resumes(version));
}

Test(ticket, none_without_keys_1_3)
{
    none(TLS1_3_VERSION);
}

Test(ticket, none_without_keys_1_2)
{
    none(TLS1_2_VERSION);
}

Test(ticket, session_context_depends_on_every_part)
{
    unsigned char x[32], y[32];
    const struct slice first[] = {SLICE("ab"), SLICE("c")}, second[] = {SLICE("a"), SLICE("bc")};

    tls_session_context(x, first, 2);
    tls_session_context(y, first, 2);
    cr_assert_eq(memcmp(x, y, 32), 0);
    tls_session_context(y, second, 2);
    cr_assert_neq(memcmp(x, y, 32), 0);
    tls_session_context(y, first, 1);
    cr_assert_neq(memcmp(x, y, 32), 0);
}
