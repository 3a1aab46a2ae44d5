/* SPDX-License-Identifier: MIT */
/* Lists of fields: ids, order, search, list members. */
#include "http/fields.h"

#include <criterion/criterion.h>
#include <ctype.h>

Test(http_fields, every_name_is_looked_up)
{
    for (unsigned id = 1; id < FIELD_COUNT_; id++) {
        struct slice name = http_field_name((enum http_field_id)id);
        char other[64];
        for (size_t i = 0; i < name.len; i++)
            other[i] = (char)toupper(name.data[i]);
        cr_expect_eq(http_field_lookup(name), id, "%.*s", SLICE_PRINTF(name));
        cr_expect_eq(http_field_lookup((struct slice){other, name.len}), id);
        cr_expect_eq(http_field_lookup(slice_head(name, name.len - 1)), FIELD_OTHER);
        other[0] = '-';
        cr_expect_eq(http_field_lookup((struct slice){other, name.len}), FIELD_OTHER);
    }
    cr_expect_eq(http_field_lookup(SLICE("")), FIELD_OTHER);
    cr_expect_eq(http_field_lookup(SLICE("host\0")), FIELD_OTHER);
    cr_expect_eq(http_field_lookup(SLICE("a-name-of-more-than-thirty-two-characters")),
                 FIELD_OTHER);
    cr_expect(http_field_is_hop_by_hop(FIELD_TE));
    cr_expect_not(http_field_is_hop_by_hop(FIELD_HOST));
    cr_expect_not(http_field_is_hop_by_hop(FIELD_OTHER));
}

Test(http_fields, keeps_order_beyond_its_first_capacity)
{
    struct arena arena;
    struct http_fields fields;
    arena_init(&arena, 4096);
    http_fields_init(&fields, &arena);
    for (int i = 0; i < 200; i++)
        http_fields_add(&fields, SLICE("X"), arena_printf(&arena, "%d", i));
    cr_assert_eq(fields.count, 200);
    for (uint32_t i = 0; i < 200; i++)
        cr_expect(slice_equal(fields.items[i].value, arena_printf(&arena, "%u", i)));
    arena_free(&arena);
}

Test(http_fields, search)
{
    struct arena arena;
    struct http_fields fields;
    arena_init(&arena, 4096);
    http_fields_init(&fields, &arena);
    http_fields_add(&fields, SLICE("X-Other"), SLICE("1"));
    http_fields_add(&fields, SLICE("COOKIE"), SLICE("a"));
    http_fields_add(&fields, SLICE("Cookie"), SLICE("b"));
    http_fields_add(&fields, SLICE("connection"), SLICE("foo, , Bar"));
    http_fields_add(&fields, SLICE("Connection"), SLICE("\"baz, qux\",zap"));
    cr_expect_eq(http_fields_count(&fields, FIELD_COOKIE), 2);
    cr_expect_eq(http_fields_find(&fields, FIELD_COOKIE), &fields.items[1]);
    cr_expect_eq(http_fields_find_name(&fields, SLICE("cookie")), &fields.items[1]);
    cr_expect_eq(http_fields_find_name(&fields, SLICE("x-OTHER")), &fields.items[0]);
    cr_expect_null(http_fields_find_name(&fields, SLICE("x-othe")));
    cr_expect_null(http_fields_find(&fields, FIELD_HOST));
    cr_expect(http_fields_has_token(&fields, FIELD_CONNECTION, SLICE("BAR")));
    cr_expect(http_fields_has_token(&fields, FIELD_CONNECTION, SLICE("zap")));
    cr_expect_not(http_fields_has_token(&fields, FIELD_CONNECTION, SLICE("qux")));
    cr_expect_not(http_fields_has_token(&fields, FIELD_CONNECTION, SLICE("fo")));
    cr_expect_not(http_fields_has_token(&fields, FIELD_CONNECTION, SLICE("")));
    arena_free(&arena);
}

Test(http_fields, lists)
{
    static const char *const expected[] = {"a", "b c", "\"d,\\\",e\"", "f"};
    struct slice rest = SLICE(" ,a,, b c\t,\"d,\\\",e\" , f ,");
    struct slice member;
    size_t count = 0;
    while (http_list_next(&rest, &member)) {
        cr_assert_lt(count, 4);
        cr_expect(slice_equal(member, slice_of(expected[count])), "%.*s", SLICE_PRINTF(member));
        count++;
    }
    cr_expect_eq(count, 4);
    rest = SLICE("\"never closed, \\");
    cr_expect(http_list_next(&rest, &member));
    cr_expect_not(http_list_next(&rest, &member));
}
