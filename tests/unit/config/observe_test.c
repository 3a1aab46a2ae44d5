/* SPDX-License-Identifier: MIT */
/* Where the observer answers: addresses with a port, Unix sockets, and names for Host. */
#include "config/config_support.h"

struct observed {
    struct diag_list diags;
    struct config_tree tree;
    struct config_main main;
};

static void build(struct observed *built, const char *text)
{
    diag_list_init(&built->diags);
    config_tree_init(&built->tree);
    config_parse_text(&built->tree, &config_files, "m.conf", slice_of(text), &built->diags);
    config_main_build(&built->main, &built->tree, "/etc/nsgate/nsgate.conf", &built->diags);
}

static void drop(struct observed *built)
{
    config_main_free(&built->main);
    config_tree_free(&built->tree);
    diag_list_free(&built->diags);
}

static void expect_text(struct slice slice, const char *text)
{
    cr_expect(slice_equal(slice, slice_of(text)), "%.*s, not %s", SLICE_PRINTF(slice), text);
}

Test(observe, addresses_and_names_are_taken)
{
    struct observed built;

    build(&built, "tenants a; observe 127.0.0.1:9180; observe [::1]:9180 Gateway.Example localhost;"
                  "observe unix:run/observe.sock;");
    cr_assert_eq(built.diags.errors, 0);
    cr_assert_eq(built.main.observe_count, 3);
    expect_text(built.main.observes[0].text, "127.0.0.1:9180");
    cr_expect_eq(built.main.observes[0].name_count, 0);
    expect_text(built.main.observes[1].text, "[::1]:9180");
    cr_assert_eq(built.main.observes[1].name_count, 2);
    expect_text(built.main.observes[1].names[0], "gateway.example");
    expect_text(built.main.observes[1].names[1], "localhost");
    expect_text(built.main.observes[2].text, "unix:/etc/nsgate/run/observe.sock");
    drop(&built);
}

Test(observe, there_is_none_by_itself)
{
    struct observed built;

    build(&built, "tenants a;");
    cr_expect_eq(built.main.observe_count, 0);
    drop(&built);
}

Test(observe, more_names_than_a_message_holds_are_refused)
{
    static const struct {
        unsigned names, errors;
    } cases[] = {{80, 0}, {82, 1}, {400, 1}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct observed built;
        char text[65536] = "tenants a; observe 127.0.0.1:9180";
        size_t len = strlen(text);

        for (unsigned j = 0; j < cases[i].names; j++) /* of 100 bytes */
            len += (size_t)snprintf(text + len, sizeof(text) - len, " %048u.%050u.a", j, j);
        snprintf(text + len, sizeof(text) - len, ";");
        build(&built, text);
        cr_expect_eq(built.diags.errors, cases[i].errors, "%u names: %u", cases[i].names,
                     built.diags.errors);
        drop(&built);
    }
}

Test(observe, what_names_no_place_is_refused)
{
    static const char *const refused[] = {"observe 127.0.0.1;",
                                          "observe 127.0.0.1:0;",
                                          "observe 127.0.0.1:70000;",
                                          "observe localhost:9180;",
                                          "observe unix:;",
                                          "observe [::1];",
                                          "observe 9180;",
                                          "observe '';",
                                          "observe 127.0.0.1:9180 'a b';",
                                          "observe 127.0.0.1:9180 *;",
                                          "observe;",
                                          "observe [fe80::1]:9180;",
                                          "observe 127.0.0.1:9180; observe 127.0.0.1:9180;"};

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct observed built;
        char text[128];

        snprintf(text, sizeof(text), "tenants a; %s", refused[i]);
        build(&built, text);
        cr_expect_eq(built.diags.errors, 1, "%s: %u", refused[i], built.diags.errors);
        drop(&built);
    }
}
