/* SPDX-License-Identifier: MIT */
/* Objects out of a stream: however it is cut, the same objects. */
#include "resolver/json_split_internal.h"

#include <criterion/criterion.h>

struct cut {
    struct chain_pool pool;
    struct chain in;
    struct json_split split;
};

static void open_cut(struct cut *cut, size_t limit)
{
    chain_pool_init(&cut->pool);
    chain_init(&cut->in, &cut->pool);
    json_split_init(&cut->split, limit);
}

static void close_cut(struct cut *cut)
{
    json_split_free(&cut->split);
    chain_clear(&cut->in);
    chain_pool_free(&cut->pool);
}

static int feed(struct cut *cut, const char *text, struct slice *object)
{
    chain_append_slice(&cut->in, slice_of(text));
    return json_split_next(&cut->split, &cut->in, object);
}

static const char TWO[] = " \r\n{\"a\":\"}{[\\\"\\\\\",\"b\":[{}]}\n\t{\"c\":1} ";

Test(json_split, objects_follow_one_another)
{
    struct cut cut;
    struct slice object;
    open_cut(&cut, 100);
    cr_assert_eq(feed(&cut, TWO, &object), 1);
    cr_expect(slice_equal(object, SLICE("{\"a\":\"}{[\\\"\\\\\",\"b\":[{}]}")));
    cr_assert_eq(json_split_next(&cut.split, &cut.in, &object), 1);
    cr_expect(slice_equal(object, SLICE("{\"c\":1}")));
    cr_expect_eq(json_split_next(&cut.split, &cut.in, &object), 0);
    cr_expect_eq(cut.in.len, 0);
    close_cut(&cut);
}

Test(json_split, it_does_not_matter_where_the_pieces_end)
{
    struct cut cut;
    struct slice object;
    unsigned objects = 0;
    open_cut(&cut, 100);
    for (size_t i = 0; i + 1 < sizeof(TWO); i++) {
        char byte[2] = {TWO[i], '\0'};
        objects += feed(&cut, byte, &object) == 1;
    }
    cr_expect_eq(objects, 2);
    close_cut(&cut);
}

Test(json_split, other_things_than_objects_are_errors)
{
    static const char *const wrong[] = {"x{}", "[]", "\"{}\"", "  1", "}", "{}]"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct cut cut;
        struct slice object;
        open_cut(&cut, 100);
        int result = feed(&cut, wrong[i], &object);
        if (result == 1)
            result = json_split_next(&cut.split, &cut.in, &object);
        cr_expect_eq(result, ERROR_RESPONSE, "%s", wrong[i]);
        close_cut(&cut);
    }
}

Test(json_split, size_is_bounded)
{
    struct cut cut;
    struct slice object;
    open_cut(&cut, 8);
    cr_expect_eq(feed(&cut, "{\"a\":12}", &object), 1);
    cr_expect_eq(object.len, 8);
    cr_expect_eq(feed(&cut, "{\"a\":123}", &object), ERROR_RESPONSE_TOO_LARGE);
    close_cut(&cut);
}

Test(json_split, an_endless_object_is_given_up_at_the_limit)
{
    struct cut cut;
    struct slice object;
    int result = 0;
    open_cut(&cut, 5000);
    for (size_t i = 0; i < 6000 && result == 0; i++) {
        result = feed(&cut, "{\"a\":" + (i > 0 ? 4 : 0), &object);
        cr_assert_leq(cut.split.room, 8192);
    }
    cr_expect_eq(result, ERROR_RESPONSE_TOO_LARGE);
    close_cut(&cut);
}

Test(json_split, depth_is_bounded)
{
    char deep[2 * JSON_DEPTH + 3];
    for (unsigned depth = JSON_DEPTH; depth <= JSON_DEPTH + 1; depth++) {
        struct cut cut;
        struct slice object;
        memset(deep, '{', depth);
        memset(deep + depth, '}', depth);
        deep[2 * depth] = '\0';
        open_cut(&cut, 1000);
        cr_expect_eq(feed(&cut, deep, &object), depth <= JSON_DEPTH ? 1 : ERROR_RESPONSE);
        close_cut(&cut);
    }
}

Test(json_split, a_part_can_be_forgotten)
{
    struct cut cut;
    struct slice object;
    open_cut(&cut, 100);
    cr_expect_eq(feed(&cut, "{\"a\":\"\\", &object), 0);
    json_split_reset(&cut.split);
    cr_expect_eq(feed(&cut, "{}", &object), 1);
    cr_expect(slice_equal(object, SLICE("{}")));
    close_cut(&cut);
}
