/* SPDX-License-Identifier: MIT */
/* The registry: names, slots, ticket keys, and claims of addresses. */
#include "../../../src/supervisor/claims_internal.h"

#include <criterion/criterion.h>

Test(record, names_and_slots)
{
    struct registry registry = {0};
    struct record *a = registry_add(&registry, SLICE("a"), "/a.conf", NULL);
    struct record *b = registry_add(&registry, SLICE("b"), "/b.conf", NULL);

    cr_assert_eq(registry_find(&registry, SLICE("a")), a);
    cr_assert_null(registry_find(&registry, SLICE("c")));
    cr_assert_not(record_is_in_force(a));
    cr_assert_neq(a->slot, b->slot);
    record_set_file(a, "/other.conf");
    cr_assert_str_eq(a->file, "/other.conf");
    registry_remove(&registry, a);
    cr_assert_null(registry_find(&registry, SLICE("a")));
    registry_remove(&registry, b);
}

Test(record, a_slot_whose_connections_still_end_is_not_given_out)
{
    struct registry registry = {0};
    int fd;
    struct tally *tally = tally_new(&fd);
    struct record *a = registry_add(&registry, SLICE("a"), "/a.conf", tally);
    uint32_t slot = a->slot;
    struct record *b;

    tally_add(tally, slot, 0, 1);
    registry_remove(&registry, a);
    b = registry_add(&registry, SLICE("b"), "/b.conf", tally);
    cr_assert_neq(b->slot, slot);
    tally_add(tally, slot, 0, -1);
    a = registry_add(&registry, SLICE("a"), "/a.conf", tally);
    cr_assert_eq(a->slot, slot);
    registry_remove(&registry, a);
    registry_remove(&registry, b);
    tally_free(tally);
}

Test(record, ticket_keys_rotate)
{
    struct registry registry = {0};
    struct record *a = registry_add(&registry, SLICE("a"), "/a.conf", NULL);
    struct record *b = registry_add(&registry, SLICE("b"), "/b.conf", NULL);
    struct tls_ticket_keys first = a->tickets;

    cr_assert_eq(first.count, 1);
    cr_assert_neq(memcmp(first.keys[0], b->tickets.keys[0], TLS_TICKET_KEY), 0);
    record_rotate_tickets(a);
    cr_assert_eq(a->tickets.count, 2);
    cr_assert_eq(memcmp(a->tickets.keys[1], first.keys[0], TLS_TICKET_KEY), 0);
    cr_assert_neq(memcmp(a->tickets.keys[0], first.keys[0], TLS_TICKET_KEY), 0);
    record_rotate_tickets(a);
    cr_assert_eq(a->tickets.count, 2);
    registry_remove(&registry, a);
    registry_remove(&registry, b);
}

Test(claims, the_first_keeps_it_until_it_lets_go)
{
    struct registry registry = {0};
    struct record *a = registry_add(&registry, SLICE("a"), "/a.conf", NULL);
    struct record *b = registry_add(&registry, SLICE("b"), "/b.conf", NULL);
    struct listener one = {.text = (char *)"1.1.1.1:1", .fd = -1};
    struct listener two = {.text = (char *)"2.2.2.2:2", .fd = -1};
    struct listener both[] = {one, two};
    struct plan plan = {.netns.kind = NETNS_HOST, .listeners = both, .listener_count = 2};
    struct plan next = {.netns.kind = NETNS_HOST, .listeners = &two, .listener_count = 1};

    claims_take(&registry, SLICE("1.1.1.1:1"), a);
    claims_take(&registry, SLICE("2.2.2.2:2"), a);
    claims_take(&registry, SLICE("2.2.2.2:2"), b);
    cr_assert_eq(claims_owner(&registry, SLICE("2.2.2.2:2")), a);
    claims_release(&registry, b, &plan, NULL);
    cr_assert_eq(claims_owner(&registry, SLICE("2.2.2.2:2")), a);
    claims_release(&registry, a, &plan, &next);
    cr_assert_null(claims_owner(&registry, SLICE("1.1.1.1:1")));
    cr_assert_eq(claims_owner(&registry, SLICE("2.2.2.2:2")), a);
    claims_release(&registry, a, &plan, NULL);
    cr_assert_null(claims_owner(&registry, SLICE("2.2.2.2:2")));
    registry_remove(&registry, a);
    registry_remove(&registry, b);
}
