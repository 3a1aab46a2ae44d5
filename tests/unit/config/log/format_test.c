/* SPDX-License-Identifier: MIT */
/* log_format: names, escapes, texts, and whose counts. */
#include "config/config_support.h"

#define SERVER " server { listen 80; return 204; } "

static const struct config_log_format *format_of(const struct built *built, unsigned log)
{
    return built->tenant.servers[0].settings->access_logs[log].format;
}

Test(log_format, joins_its_words_and_takes_them_apart)
{
    struct built built;

    build_tenant(&built,
                 "netns a; log_format f 'a \"$uri\" ' \"b\" $status; access_log /l f;" SERVER);
    cr_assert_not_null(format_of(&built, 0));
    cr_expect(text_is(format_of(&built, 0)->name, "f"));
    cr_expect_eq(format_of(&built, 0)->escape, LOG_ESCAPE_DEFAULT);
    cr_assert_eq(format_of(&built, 0)->text.count, 4);
    cr_expect(text_is(format_of(&built, 0)->text.parts[0].text, "a \""));
    cr_expect_eq(format_of(&built, 0)->text.parts[1].variable, VARIABLE_URI);
    cr_expect(text_is(format_of(&built, 0)->text.parts[2].text, "\" b"));
    cr_expect_eq(format_of(&built, 0)->text.parts[3].variable, VARIABLE_STATUS);
    free_tenant(&built);
}

Test(log_format, escapes)
{
    struct built built;

    build_good(&built, "netns a; log_format d escape=default x; log_format j escape=json x;"
                       "log_format n escape=none x; access_log /l d; access_log /l j;"
                       "access_log /l n;" SERVER);
    cr_expect_eq(format_of(&built, 0)->escape, LOG_ESCAPE_DEFAULT);
    cr_expect_eq(format_of(&built, 1)->escape, LOG_ESCAPE_JSON);
    cr_expect_eq(format_of(&built, 2)->escape, LOG_ESCAPE_NONE);
    free_tenant(&built);
}

Test(log_format, two_are_there_by_themselves_and_one_of_them_may_be_another)
{
    struct built built;

    build_tenant(&built,
                 "netns a; access_log /l; access_log /l combined; access_log /l json;" SERVER);
    cr_expect(text_is(format_of(&built, 0)->name, "combined"));
    cr_expect_eq(format_of(&built, 0), format_of(&built, 1));
    cr_expect(text_is(format_of(&built, 2)->name, "json"));
    cr_expect_eq(format_of(&built, 2)->escape, LOG_ESCAPE_JSON);
    free_tenant(&built);
    build_good(&built, "netns a; log_format json mine; access_log /l json;" SERVER);
    cr_expect(text_is(format_of(&built, 0)->text.parts[0].text, "mine"));
    free_tenant(&built);
}

Test(log_format, may_stand_behind_who_uses_it)
{
    struct built built;

    build_good(&built, "netns a; access_log /l f; log_format f x;" SERVER);
    cr_assert_not_null(format_of(&built, 0));
    free_tenant(&built);
}

Test(log_format, is_accepted)
{
    struct built built;

    build_good(&built, "netns a; log_format f escape=json '{\"a\":\"$http_x\"}';" SERVER);
    free_tenant(&built);
}

Test(log_format, mistakes_are_told)
{
    static const struct said wrong[] = {
        {"netns a; log_format f x; log_format f y;" SERVER, 1, 37,
         "duplicate \"log_format\" name \"f\""},
        {"netns a; log_format combined x;" SERVER, 1, 21, "is a duplicate"},
        {"netns a; log_format f escape=xml x;" SERVER, 1, 23,
         "unknown log format escaping \"xml\": it is default, json or none"},
        {"netns a; log_format f escape=json;" SERVER, 1, 10, "\"log_format\" has no text"},
        {"netns a; log_format f;" SERVER, 1, 10, "at least 2 arguments"},
        {"netns a; log_format f '$no_such';" SERVER, 1, 23, "unknown variable \"$no_such\""},
        {"netns a; server { listen 80; log_format f x; return 204; }", 1, 30, "is not allowed in"},
    };

    expect_errors(wrong, COUNT(wrong));
}

Test(log_format, has_a_longest_text)
{
    struct built built;
    static char text[LOG_FORMAT_TEXT_MAX + 256];
    int len = snprintf(text, sizeof(text), "netns a; log_format f %0*d;" SERVER,
                       LOG_FORMAT_TEXT_MAX + 1, 0);

    cr_assert_lt((size_t)len, sizeof(text));
    build_tenant(&built, text);
    cr_expect(says(&built.diags, DIAG_ERROR, 1, 23, "too long"));
    free_tenant(&built);
}

Test(log_format, of_the_main_file_is_for_all_tenants)
{
    static const char *const mains[] = {
        "tenants /t; log_format f of-main;",
        "tenants /t; defaults { log_format f of-main; }",
        "tenants /t; log_format f of-main; defaults { send_timeout 7s; }",
        "tenants /t; defaults { send_timeout 7s; } log_format f of-main;",
    };

    for (unsigned i = 0; i < COUNT(mains); i++) {
        struct built built;

        build_both(&built, mains[i], "netns a; access_log /l f;" SERVER);
        cr_assert_not_null(format_of(&built, 0), "%s", mains[i]);
        cr_expect(text_is(format_of(&built, 0)->text.parts[0].text, "of-main"));
        cr_expect_eq(built.tenant.servers[0].settings->send_timeout, i < 2 ? 60 : 7);
        free_tenant(&built);
        build_both(&built, mains[i], "netns a; log_format f own; access_log /l f;" SERVER);
        cr_expect(text_is(format_of(&built, 0)->text.parts[0].text, "own"));
        free_tenant(&built);
    }
}

Test(log_format, mistakes_of_the_main_file_are_its_own)
{
    struct built built;

    build_both(&built, "tenants /t; log_format f $no_such;", "netns a;" SERVER);
    cr_expect(says(&built.diags, DIAG_ERROR, 1, 26, "unknown variable"));
    cr_expect_eq(built.diags.errors, 1);
    free_tenant(&built);
    build_both(&built, "tenants /t; log_format f x; defaults { log_format f y; }",
               "netns a;" SERVER);
    cr_expect(says(&built.diags, DIAG_ERROR, 1, 51, "duplicate"));
    free_tenant(&built);
}
