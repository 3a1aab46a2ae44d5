/* SPDX-License-Identifier: MIT */
/* The five forms of `location`, and `return`. */
#include "config/config_support.h"

#define ONE(text) "netns a; server {\n" text "\n}"

Test(location, forms)
{
    static const struct {
        enum config_location_kind kind;
        const char *pattern;
    } expected[] = {{LOCATION_PREFIX, "/"},
                    {LOCATION_EXACT, "/a"},
                    {LOCATION_PREFIX_FINAL, "/b"},
                    {LOCATION_REGEX, "\\.php$"},
                    {LOCATION_REGEX_NOCASE, "^/c{2}"},
                    {LOCATION_EXACT, "/d"},
                    {LOCATION_PREFIX_FINAL, "/e"},
                    {LOCATION_REGEX_NOCASE, "f"},
                    {LOCATION_REGEX, "g"}};
    struct built built;

    build_good(&built, ONE("location / { return 204; } location = /a { return 204; } "
                           "location ^~ /b { return 204; } location ~ \\.php$ { return 204; } "
                           "location ~* \"^/c{2}\" { return 204; } location =/d { return 204; } "
                           "location ^~/e { return 204; } location ~*f { return 204; } "
                           "location ~g { return 204; }"));

    const struct config_server *server = &built.tenant.servers[0];

    cr_assert_eq(server->location_count, COUNT(expected));
    for (unsigned i = 0; i < COUNT(expected); i++) {
        cr_expect_eq(server->locations[i].kind, expected[i].kind, "%u", i);
        cr_expect(text_is(server->locations[i].pattern, expected[i].pattern), "%u", i);
    }
    cr_expect_eq(server->locations[1].place.column, 39);
    free_tenant(&built);
}

Test(location, mistakes)
{
    static const struct said wrong[] = {
        {ONE("location a { return 204; }"), 2, 10, "begins with \"/\""},
        {ONE("location = a { return 204; }"), 2, 12, "begins with \"/\""},
        {ONE("location ~ '' { return 204; }"), 2, 12, "is empty"},
        {ONE("location @x { return 204; }"), 2, 10,
         "named locations (\"@x\") are not supported yet"},
        {ONE("location == /a { return 204; }"), 2, 10, "\"==\" is no modifier of \"location\""},
        {ONE("location /a { return 204; } location /a { return 204; }"), 2, 38,
         "location \"/a\" is a duplicate: it was given before, at t.conf:2:10"},
        {ONE("location /a { return 204; } location ^~ /a { return 204; }"), 2, 41,
         "is a duplicate"},
        {ONE("location ~ a { return 204; } location ~ a { return 204; }"), 2, 41, "is a duplicate"},
    };
    struct built built;

    expect_errors(wrong, COUNT(wrong));
    build_good(&built, ONE("location /a { return 204; } location = /a { return 204; } location ~ "
                           "/a { return 204; } location ~* /a { return 204; }"));
    free_tenant(&built);
}

Test(location, return_forms)
{
    struct built built;

    build_good(&built,
               ONE("return 308 https://$host$request_uri;\n"
                   "location /1 { return 200 \"ok\\n\"; } location /2 { return 404; }\n"
                   "location /3 { return https://x/; } location /4 { return $scheme://y; }\n"
                   "location /5 { return 200 ''; }"));

    const struct config_server *server = &built.tenant.servers[0];

    cr_expect_eq(server->answer.status, 308);
    cr_expect(server->answer.is_redirect);
    cr_expect_eq(server->answer.text.count, 3);
    cr_expect_eq(server->locations[0].answer.status, 200);
    cr_expect_not(server->locations[0].answer.is_redirect);
    cr_expect(text_is(server->locations[0].answer.text.parts[0].text, "ok\n"));
    cr_expect_eq(server->locations[1].answer.status, 404);
    cr_expect_eq(server->locations[1].answer.text.count, 0);
    cr_expect_eq(server->locations[2].answer.status, 302);
    cr_expect(server->locations[2].answer.is_redirect);
    cr_expect_eq(server->locations[3].answer.text.parts[0].variable, VARIABLE_SCHEME);
    free_tenant(&built);
}

Test(location, return_mistakes)
{
    static const struct said wrong[] = {
        {ONE("return 100;"), 2, 8, "the status 100 is out of range: 200 to 599"},
        {ONE("return 600;"), 2, 8, "out of range"},
        {ONE("return 444;"), 2, 8,
         "\"return 444\" (closing without an answer) is not supported yet"},
        {ONE("return ok;"), 2, 8, "\"ok\" is neither a status"},
        {ONE("return 1000 x;"), 2, 8, "neither a status"},
        {ONE("return 301;"), 2, 8, "needs the URL"},
        {ONE("return 301 '';"), 2, 12, "the URL is empty"},
        {ONE("return 302 \"a\\r\\nb\";"), 2, 12, "control characters"},
        {ONE("return 200 $nope_at_all;"), 2, 12, "unknown variable"},
    };
    static const struct said warned[] = {
        {ONE("return 204 text;"), 2, 12, "has no content"},
        {ONE("location / { }"), 2, 10, "it answers 404"},
        {ONE("location /a%20b { return 200; }"), 2, 10, "decoded path"},
    };

    expect_errors(wrong, COUNT(wrong));
    expect_accepted(DIAG_WARNING, warned, COUNT(warned));
}
