/* SPDX-License-Identifier: MIT */
/* Texts with variables, and what is no variable. */
#include "config/config_support.h"
#include "config/template.h"

struct made {
    struct arena arena;
    struct diag_list diags;
    struct config_template template;
    int result;
};

static void make(struct made *made, const char *text)
{
    arena_init(&made->arena, 512);
    diag_list_init(&made->diags);
    made->result = config_template_parse(&made->template, &made->arena, slice_of(text),
                                         (struct diag_place){"f", 3, 7}, &made->diags);
}

static void drop(struct made *made)
{
    arena_free(&made->arena);
    diag_list_free(&made->diags);
}

Test(template, literals_and_nothing)
{
    struct made made;

    make(&made, "");
    cr_expect_eq(made.template.count, 0);
    drop(&made);
    make(&made, "plain {text}");
    cr_expect_eq(made.template.count, 1);
    cr_expect(text_is(made.template.parts[0].text, "plain {text}"));
    drop(&made);
}

Test(template, variables_between_texts)
{
    struct made made;

    make(&made, "https://$host${request_uri}x");
    cr_assert_eq(made.result, 0);
    cr_assert_eq(made.template.count, 4);
    cr_expect_eq(made.template.parts[0].variable, VARIABLE_LITERAL);
    cr_expect(text_is(made.template.parts[0].text, "https://"));
    cr_expect_eq(made.template.parts[1].variable, VARIABLE_HOST);
    cr_expect_eq(made.template.parts[2].variable, VARIABLE_REQUEST_URI);
    cr_expect(text_is(made.template.parts[3].text, "x"));
    drop(&made);
}

Test(template, every_variable_is_known)
{
    static const char *const names[] = {
#define X(name, text) "$" text,
        CONFIG_VARIABLES(X)
#undef X
    };

    for (unsigned i = 0; i < COUNT(names); i++) {
        struct made made;

        make(&made, names[i]);
        cr_expect_eq(made.result, 0, "%s", names[i]);
        cr_expect_eq((int)made.template.parts[0].variable, VARIABLE_UPSTREAM_HTTP + 1 + (int)i);
        drop(&made);
    }
}

Test(template, names_with_a_rest)
{
    struct made made;

    make(&made, "$sent_http_X_A$upstream_http_Set_Cookie");
    cr_assert_eq(made.template.count, 2);
    cr_expect_eq(made.template.parts[0].variable, VARIABLE_SENT_HTTP);
    cr_expect(text_is(made.template.parts[0].text, "x-a"));
    cr_expect_eq(made.template.parts[1].variable, VARIABLE_UPSTREAM_HTTP);
    cr_expect(text_is(made.template.parts[1].text, "set-cookie"));
    drop(&made);

    make(&made, "$http_X_Real_IP$arg_Page$cookie_sid");
    cr_assert_eq(made.template.count, 3);
    cr_expect_eq(made.template.parts[0].variable, VARIABLE_HTTP);
    cr_expect(text_is(made.template.parts[0].text, "x-real-ip"));
    cr_expect_eq(made.template.parts[1].variable, VARIABLE_ARG);
    cr_expect(text_is(made.template.parts[1].text, "Page"));
    cr_expect_eq(made.template.parts[2].variable, VARIABLE_COOKIE);
    cr_expect(text_is(made.template.parts[2].text, "sid"));
    drop(&made);
}

Test(template, mistakes)
{
    static const struct said wrong[] = {
        {"$hots", 3, 7, "unknown variable \"$hots\"; did you mean \"$host\"?"},
        {"$zzzzzzzz", 3, 7, "unknown variable \"$zzzzzzzz\""},
        {"a${host", 3, 7, "\"${\" is not closed"},
        {"a${ho-st}", 3, 7, "\"${\" is not closed"},
        {"cost: 5$", 3, 7, "\"$\" is followed by no variable's name"},
        {"${}", 3, 7, "\"$\" is followed by no variable's name"},
        {"$http_", 3, 7, "unknown variable \"$http_\""},
        {"/x/$1", 3, 7, "captures of regular expressions (\"$1\") are not supported yet"},
    };

    for (unsigned i = 0; i < COUNT(wrong); i++) {
        struct made made;

        make(&made, wrong[i].text);
        cr_expect_eq(made.result, ERROR_CONFIG);
        cr_expect(is_said(&made.diags, DIAG_ERROR, &wrong[i]), "%s", wrong[i].text);
        drop(&made);
    }
}
