/* SPDX-License-Identifier: MIT */
/* Host names of upstreams: found, not found, and slow ones that hold up nobody. */
#include "resolver/rig.h"

#include <criterion/criterion.h>

static const char LOCAL[] = "netns acme;\n"
                            "upstream app { server localhost:9000; server localhost:9001; }\n"
                            "server { listen 1.1.1.1:80;\n"
                            "    location / { proxy_pass http://app; } }\n";

/* c-ares refuses .onion by itself (RFC 7686), so that this needs no name server. */
static const char MISSING[] = "netns acme;\n"
                              "upstream app {\n"
                              "    server 127.0.0.1:9000;\n"
                              "    server missing.onion:9001; }\n"
                              "server { listen 1.1.1.1:80;\n"
                              "    location / { proxy_pass http://app; } }\n";

/* RFC 6761: never there. How long a machine takes to know it differs. */
static const char SLOW[] = "netns acme;\n"
                           "server { listen 1.1.1.1:80;\n"
                           "    location / { proxy_pass http://nsgate-test.invalid:80; } }\n";

Test(names, localhost_is_both_families_in_order)
{
    struct rig rig;
    struct bundle bundle;
    struct arena arena;
    rig_start(&rig, true);
    rig_examine(&rig, 1, LOCAL, NULL, 0);
    cr_assert(rig_wait(&rig, 1));
    const struct outcome *outcome = rig_outcome(&rig, 1);
    cr_assert(outcome->usable);
    arena_init(&arena, 4096);
    outcome_get_findings(&rig, outcome, &bundle, &arena);
    cr_assert_eq(bundle.name_count, 2);
    for (uint16_t port = 9000; port <= 9001; port++) {
        const struct bundle_name *name = bundle_find_name(&bundle, SLICE("localhost"), port);
        cr_assert(name && name->address_count >= 1);
        cr_expect_eq(name->addresses[0].any.sa_family, AF_INET);
        for (uint32_t i = 0; i < name->address_count; i++) {
            char text[ADDRESS_TEXT];
            address_format(&name->addresses[i], text);
            cr_log_info("%s", text);
            cr_expect_eq(address_port(&name->addresses[i]), port);
            cr_expect(i == 0 || !address_equal(&name->addresses[i - 1], &name->addresses[i]));
        }
    }
    arena_free(&arena);
    cr_expect_eq(rig_end(&rig), 0);
}

Test(names, an_unknown_name_is_an_error_at_its_place)
{
    struct rig rig;
    rig_start(&rig, true);
    rig_examine(&rig, 1, MISSING, NULL, 0);
    cr_assert(rig_wait(&rig, 1));
    const struct outcome *outcome = rig_outcome(&rig, 1);
    cr_expect_not(outcome->usable);
    cr_expect_eq(outcome->size, 0);
    cr_expect(outcome->unresolved);
    cr_expect_eq(outcome->diags.errors, 1);
    cr_expect(outcome_has_diag(outcome, DIAG_ERROR, 4,
                               "host not found in upstream \"missing.onion:9001\""));
    cr_expect_eq(rig_end(&rig), 0);
}

Test(names, a_name_without_an_address_is_used_with_those_that_it_had)
{
    struct rig rig;
    struct address address = {.len = sizeof(struct sockaddr_in)};
    struct bundle_name known = {SLICE("missing.onion"), 9001, &address, 1};
    struct bundle bundle;
    struct arena arena;
    address.v4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(9001), .sin_addr.s_addr = htonl(0x7f000007)};
    rig_start(&rig, true);
    rig.known = &known;
    rig_examine(&rig, 1, MISSING, NULL, 0);
    known.port = 9002; /* of another server */
    rig_examine(&rig, 2, MISSING, NULL, 0);
    rig_examine(&rig, 3, LOCAL, NULL, 0);
    cr_assert(rig_wait(&rig, 3));
    const struct outcome *outcome = rig_outcome(&rig, 1);
    cr_assert(outcome->usable && outcome->unresolved);
    cr_expect_eq(outcome->diags.errors, 0);
    cr_expect(outcome_has_diag(outcome, DIAG_WARNING, 4, "the addresses that it had are used"));
    arena_init(&arena, 4096);
    outcome_get_findings(&rig, outcome, &bundle, &arena);
    const struct bundle_name *name = bundle_find_name(&bundle, SLICE("missing.onion"), 9001);
    cr_assert(name && name->address_count == 1);
    cr_expect(address_equal(&name->addresses[0], &address));
    arena_free(&arena);
    cr_expect_not(rig_outcome(&rig, 2)->usable);
    cr_expect(rig_outcome(&rig, 2)->unresolved);
    cr_expect(rig_outcome(&rig, 3)->usable && !rig_outcome(&rig, 3)->unresolved);
    cr_expect_eq(rig_end(&rig), 0);
}

Test(names, that_lack_are_not_all_that_is_wrong)
{
    static const char both[] = "netns acme;\n"
                               "server { listen 1.1.1.1:80;\n"
                               "    location ~ (a { return 200; }\n"
                               "    location / { proxy_pass http://missing.onion:9001; } }\n";
    struct rig rig;
    rig_start(&rig, true);
    rig_examine(&rig, 1, both, NULL, 0);
    cr_assert(rig_wait(&rig, 1));
    cr_expect_not(rig_outcome(&rig, 1)->usable);
    cr_expect_not(rig_outcome(&rig, 1)->unresolved);
    cr_expect_eq(rig_end(&rig), 0);
}

Test(names, a_slow_name_holds_up_nobody)
{
    struct rig rig;
    rig_start(&rig, true);
    rig_examine(&rig, 1, SLOW, NULL, 0);
    rig_examine(&rig, 2, SLOW, NULL, 0); /* joins the query of the first */
    for (uint64_t serial = 3; serial < 13; serial++)
        rig_examine(&rig, serial, serial % 2 ? LOCAL : MISSING, NULL, 0);
    cr_assert(rig_wait(&rig, 12));
    for (uint64_t serial = 3; serial < 13; serial++) {
        const struct outcome *outcome = rig_outcome(&rig, serial);
        cr_assert(outcome);
        cr_expect_eq(outcome->usable, serial % 2 == 1);
        cr_expect_leq(outcome->at, rig_outcome(&rig, 1)->at + 1);
    }
    for (uint64_t serial = 1; serial <= 2; serial++) {
        const struct outcome *outcome = rig_outcome(&rig, serial);
        cr_expect_not(outcome->usable);
        cr_expect(outcome_has_diag(outcome, DIAG_ERROR, 3, "host not found in upstream"));
        cr_expect_lt(outcome->at, 8.0);
    }
    cr_expect_eq(rig_end(&rig), 0);
}

Test(names, it_can_end_while_a_query_runs)
{
    struct rig rig;
    rig_start(&rig, true);
    rig_examine(&rig, 1, SLOW, NULL, 0);
    rig_examine(&rig, 2, MISSING, NULL, 0);
    cr_assert(rig_wait(&rig, 1));
    cr_expect_eq(rig_end(&rig), 0);
}
