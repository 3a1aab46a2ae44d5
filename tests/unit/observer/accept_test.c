/* SPDX-License-Identifier: MIT */
/* What clients say that they like. */
#include "observer/accept_internal.h"

#include <criterion/criterion.h>

static unsigned quality(const char *name, const char *value, const char *what)
{
    struct http_fields fields;
    struct arena arena;
    unsigned result;

    arena_init(&arena, 256);
    http_fields_init(&fields, &arena);
    http_fields_add(&fields, SLICE("host"), SLICE("text/plain"));
    http_fields_add(&fields, slice_of(name), slice_of(value));
    http_fields_add(&fields, slice_of(name), SLICE(", x/y;q=1"));
    result = accept_quality(&fields, SLICE("Accept"), slice_of(what));
    arena_free(&arena);
    return result;
}

#define TEXT "text/plain"
#define OPEN "application/openmetrics-text"

Test(accept, the_most_specific_member_counts)
{
    cr_expect_eq(quality("Accept", "*/*", TEXT), 1000);
    cr_expect_eq(quality("accept", "*/*;q=0.25, text/*;q=0.5", TEXT), 500);
    cr_expect_eq(quality("Accept", "Text/Plain ; Q=0.001 ,*/*", TEXT), 1);
    cr_expect_eq(quality("Accept", "text/plain;q=0, */*", TEXT), 0);
    cr_expect_eq(quality("Accept", "text/html", TEXT), 0);
    cr_expect_eq(quality("Other", "*/*", TEXT), 0);
}

Test(accept, patterns_ask_for_no_special_format)
{
    cr_expect_eq(quality("Accept", "*/*", OPEN), 0);
    cr_expect_eq(quality("Accept", OPEN ";version=0.0.1;q=0.9, " OPEN ";version=1.0.0;q=0.6", OPEN),
                 600);
    cr_expect_eq(quality("Accept", OPEN ";version=2.0.0", OPEN), 0);
    cr_expect_eq(quality("Accept", OPEN "; version=\"1.0.0\"; x=\",;q=0\"", OPEN), 1000);
}

Test(accept, codings)
{
    cr_expect_eq(quality("Accept", "gzip, deflate", "gzip"), 1000);
    cr_expect_eq(quality("Accept", "*;q=0.5", "gzip"), 500);
    cr_expect_eq(quality("Accept", "gzip;q=0, *", "gzip"), 0);
    cr_expect_eq(quality("Accept", "*", "identity"), 0);
    cr_expect_eq(quality("Accept", "identity;q=0.7", "identity"), 700);
}

Test(accept, what_is_no_quality_is_none)
{
    cr_expect_eq(quality("Accept", "text/plain;q=", TEXT), 1000);
    cr_expect_eq(quality("Accept", "text/plain;q=2", TEXT), 0);
    cr_expect_eq(quality("Accept", "text/plain;q=0.x", TEXT), 0);
    cr_expect_eq(quality("Accept", "text/plain;q=1.999", TEXT), 1000);
    cr_expect_eq(quality("Accept", "\"text/plain", TEXT), 0);
    cr_expect_eq(quality("Accept", ",,;;=", TEXT), 0);
}
