/* SPDX-License-Identifier: MIT */
/* The registry: names, slots and ticket keys. */
#include "reload/record.h"

#include <criterion/criterion.h>

Test(record, names_and_slots)
{
    struct registry registry = {0};
    struct record *a = registry_add(&registry, SLICE("a"), "/a.conf", NULL);
    struct record *b = registry_add(&registry, SLICE("b"), "/b.conf", NULL);

    cr_assert_eq(registry_find(&registry, SLICE("a")), a);
    cr_assert_null(registry_find(&registry, SLICE("c")));
    cr_assert_not(record_is_in_force(a));
    cr_assert_neq(a->assignment.slot, b->assignment.slot);
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
    uint32_t slot = a->assignment.slot;
    struct record *b;

    tally_set_workers(tally, 0, 1);
    tally_add(tally, slot, 0, 1);
    registry_remove(&registry, a);
    b = registry_add(&registry, SLICE("b"), "/b.conf", tally);
    cr_assert_neq(b->assignment.slot, slot);
    tally_add(tally, slot, 0, -1);
    a = registry_add(&registry, SLICE("a"), "/a.conf", tally);
    cr_assert_eq(a->assignment.slot, slot);
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

Test(record, one_of_before_an_upgrade)
{
    struct registry registry = {0};
    struct record *a = registry_restore(&registry, SLICE("a"), SLICE("/a.conf"), 7);
    struct record *b = registry_add(&registry, SLICE("b"), "/b.conf", NULL);

    cr_assert_not_null(a);
    cr_assert_eq(a->assignment.slot, 7);
    cr_assert_eq(a->tickets.count, 0);
    cr_assert_neq(b->assignment.slot, 7);
    cr_assert_null(registry_restore(&registry, SLICE("c"), SLICE("/c.conf"), 7));
    cr_assert_null(registry_restore(&registry, SLICE("a"), SLICE("/a.conf"), 8));
    cr_assert_null(registry_restore(&registry, SLICE("d"), SLICE("/d.conf"), TALLY_TENANTS));
    registry_remove(&registry, a);
    registry_remove(&registry, b);
}

Test(record, cells_go_along_to_the_next_binary)
{
    const struct cells_want want = {CELLS_COUNTS, SLICE("zone"), 65536};
    struct registry registry = {0}, next = {0};
    struct record *a = registry_add(&registry, SLICE("a"), "/a.conf", NULL), *b;
    struct wire_writer writer;
    struct wire_reader reader;

    cr_assert_eq(cells_fit(&a->cells, &want, 1, record_random), 0);
    wire_writer_init(&writer);
    registry_put(&writer, &registry);
    wire_reader_init(&reader, wire_written(&writer));
    registry_get(&reader, &next);
    cr_assert_eq(wire_finish(&reader), 0);
    b = registry_find(&next, SLICE("a"));
    cr_assert_eq(b->cells.fd, a->cells.fd);
    cr_assert_eq(b->cells.count, 1);
    cr_assert_eq(memcmp(b->cells.regions, a->cells.regions, sizeof(*a->cells.regions)), 0);
    b->cells.fd = -1; /* it is a's */
    registry_remove(&next, b);
    registry_remove(&registry, a);
    wire_writer_free(&writer);
}
