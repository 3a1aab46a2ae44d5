/* SPDX-License-Identifier: MIT */
/* Server names in all their forms. */
#include "config/config_support.h"

#define ONE(text) "netns a; server { return 204;\n" text "\n}"

Test(server, name_forms)
{
    static const struct {
        enum config_name_kind kind;
        const char *text;
    } expected[] = {{NAME_EXACT, "acme.test"}, {NAME_LEADING, ".acme.test"},
                    {NAME_DOT, ".acme.org"},   {NAME_TRAILING, "www."},
                    {NAME_REGEX, "^W(.+)$"},   {NAME_EXACT, ""},
                    {NAME_EXACT, "_"},         {NAME_EXACT, "10.0.0.1"},
                    {NAME_EXACT, "[::1]"},     {NAME_EXACT, "dot.test"}};
    struct built built;

    build_good(&built, ONE("server_name ACME.test *.Acme.test .acme.org www.* ~^W(.+)$ \"\";"
                           "server_name _ 10.0.0.1 [::1] dot.test.;"));

    const struct config_server *server = &built.tenant.servers[0];

    cr_assert_eq(server->name_count, COUNT(expected));
    for (unsigned i = 0; i < COUNT(expected); i++) {
        cr_expect_eq(server->names[i].kind, expected[i].kind);
        cr_expect(text_is(server->names[i].text, expected[i].text), "%s", expected[i].text);
    }
    cr_expect(text_is(server->names[1].written, "*.Acme.test"));
    cr_expect_eq(server->names[1].place.column, 23);
    free_tenant(&built);
}

Test(server, without_a_name_it_has_the_empty_one)
{
    struct built built;

    build_good(&built, ONE(""));
    cr_assert_eq(built.tenant.servers[0].name_count, 1);
    cr_expect_eq(built.tenant.servers[0].names[0].kind, NAME_EXACT);
    cr_expect_eq(built.tenant.servers[0].names[0].text.len, 0);
    free_tenant(&built);
}

Test(server, bad_names)
{
    static const struct said wrong[] = {
        {ONE("server_name a*.b;"), 2, 13, "\"a*.b\" is no server name: a \"*\" stands only"},
        {ONE("server_name *;"), 2, 13, "a \"*\" stands only"},
        {ONE("server_name *.a.*;"), 2, 13, "a \"*\" stands only"},
        {ONE("server_name *.;"), 2, 13, "a wildcard needs a name"},
        {ONE("server_name .;"), 2, 13, "a wildcard needs a name"},
        {ONE("server_name ~;"), 2, 13, "the regular expression behind \"~\" is empty"},
        {ONE("server_name $hostname;"), 2, 13, "variables in \"server_name\" are not supported"},
    };

    expect_errors(wrong, COUNT(wrong));
}

Test(server, a_name_taken_before_is_told)
{
    static const struct said warned[] = {
        {"netns a; server { return 204; server_name x; }\nserver { server_name X; return 204; }", 2,
         22, "\"X\" is ignored on 0.0.0.0:80: it was taken before, at t.conf:1:43"},
        {"netns a; server { return 204; }\nserver { return 204; }", 2, 1,
         "the server name \"\" is ignored on 0.0.0.0:80"},
        {"netns a; server { }", 1, 10, "it answers 404"},
    };

    expect_accepted(DIAG_WARNING, warned, COUNT(warned));
}

/* Warned about, and taken, as nginx takes them. */
Test(server, names_that_can_never_match)
{
    static const struct said warned[] = {
        {ONE("server_name müller.test;"), 2, 13, "\"müller.test\" never matches: clients send"},
        {ONE("server_name müller.test;"), 2, 13, "\"xn--mller-kva.test\" would"},
        {ONE("server_name *.MÜLLER.test;"), 2, 13, "\"*.xn--mller-kva.test\" would"},
        {ONE("server_name .müller.test;"), 2, 13, "\".xn--mller-kva.test\" would"},
        {ONE("server_name müller.*;"), 2, 13, "\"xn--mller-kva.*\" would"},
        {ONE("server_name a.test müller.test;"), 2, 20, "\"xn--mller-kva.test\" would"},
        {ONE("server_name 'mü ller.test';"), 2, 13, "never matches: clients send"},
        {ONE("server_name m\xfcller.test;"), 2, 13, "never matches: clients send"},
        {ONE("server_name a/b;"), 2, 13, "\"a/b\" never matches: it has characters that no host"},
        {ONE("server_name https://a.test;"), 2, 13, "never matches"},
        {ONE("server_name a.test:80;"), 2, 13,
         "never matches: the port is no part of it; \"a.test\" would"},
        {ONE("server_name [::1]:443;"), 2, 13, "the port is no part of it; \"[::1]\" would"},
        {ONE("server_name '\"a.test\"';"), 2, 13, "it has characters that no host name has"},
        {ONE("server_name a'b.test;"), 2, 13, "it has characters that no host name has"},
        {ONE("server_name 'a.test b.test';"), 2, 13, "it has characters that no host name has"},
        {ONE("server_name a,b;"), 2, 13, "it has characters that no host name has"},
        {ONE("server_name a..b;"), 2, 13, "never matches"},
        {ONE("server_name a..;"), 2, 13, "never matches"},
        {ONE("server_name [zz];"), 2, 13, "never matches"},
        {ONE("server_name ::1;"), 2, 13, "never matches"},
    };

    expect_accepted(DIAG_WARNING, warned, COUNT(warned));
}

Test(server, names_that_match_are_not_warned_about)
{
    struct built built;

    build_good(&built, ONE("server_name A.Test a-b_c~d _ *.a.test www.* .b.test ~^ü$ \"\" [::1] "
                           "10.0.0.1 x.test. xn--mller-kva.test;"));
    cr_expect_eq(built.diags.warnings, 0);
    free_tenant(&built);
}
