/* SPDX-License-Identifier: MIT */
/* Header directives: all or nothing from above, and what a head cannot bear. */
#include "config/config_support.h"

#define AROUND(text) "netns a; server { return 204; \n" text "\n}"

Test(headers, inherit_all_or_nothing)
{
    struct built built;

    build_good(&built, "netns a; proxy_set_header A 1; add_header B 2; proxy_hide_header C; server "
                       "{ location /a { return 204; } location /b { proxy_set_header X $host; "
                       "proxy_set_header Y \"\"; add_header Z z always; return 204; } }");

    const struct config_server *server = &built.tenant.servers[0];
    const struct config_settings *b = server->locations[1].settings;

    cr_assert_eq(server->locations[0].settings->set_header_count, 1);
    cr_expect(text_is(server->locations[0].settings->set_headers[0].name, "A"));
    cr_assert_eq(b->set_header_count, 2);
    cr_expect(text_is(b->set_headers[0].name, "X"));
    cr_expect_eq(b->set_headers[0].value.parts[0].variable, VARIABLE_HOST);
    cr_expect_eq(b->set_headers[1].value.count, 0, "not sent");
    cr_assert_eq(b->add_header_count, 1);
    cr_expect(b->add_headers[0].always);
    cr_assert_eq(b->hide_header_count, 1);
    cr_expect(text_is(b->hide_headers[0], "C"));
    free_tenant(&built);
}

Test(headers, hop_by_hop_names_are_dropped_with_a_warning)
{
    static const struct said warned[] = {
        {AROUND("proxy_set_header Connection \"\";"), 2, 18,
         "\"proxy_set_header Connection\" has no effect"},
        {AROUND("proxy_set_header upgrade $http_upgrade;"), 2, 18, "has no effect"},
        {AROUND("proxy_set_header Transfer-Encoding x;"), 2, 18, "has no effect"},
        {AROUND("proxy_set_header Content-Length 1;"), 2, 18, "has no effect"},
    };
    struct built built;

    expect_accepted(DIAG_WARNING, warned, COUNT(warned));
    build_good(&built, "netns a; proxy_set_header A 1; server { return 204; "
                       "proxy_set_header Connection \"\"; }");
    cr_expect_eq(built.tenant.servers[0].settings->set_header_count, 0, "as in nginx");
    free_tenant(&built);
}

Test(headers, mistakes)
{
    static const struct said wrong[] = {
        {AROUND("proxy_set_header 'a b' c;"), 2, 18, "\"a b\" is no name of a header"},
        {AROUND("proxy_set_header '' c;"), 2, 18, "is no name of a header"},
        {AROUND("proxy_set_header a: c;"), 2, 18, "is no name of a header"},
        {AROUND("proxy_set_header A \"b\\r\\nC: d\";"), 2, 20, "control characters"},
        {AROUND("proxy_set_header A $hots;"), 2, 20, "unknown variable"},
        {AROUND("proxy_set_header Host \"\";"), 2, 23, "cannot be left out"},
        {AROUND("add_header A b sometimes;"), 2, 16, "is \"always\""},
        {AROUND("add_header Content-Length 5;"), 2, 12, "ambiguous"},
        {AROUND("proxy_hide_header 'x y';"), 2, 19, "is no name of a header"},
    };

    expect_errors(wrong, COUNT(wrong));
}
