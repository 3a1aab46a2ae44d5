/* SPDX-License-Identifier: MIT */
/* Which location a path gets, in nginx's order of preference. */
#include "tenant/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

static uint32_t line_of(struct rig *rig, const char *path)
{
    const struct tenant_location *location =
        tenant_find_location(&rig->tenant->servers[0], slice_of(path));
    return location ? location->config->place.line : 0;
}

static const char LOCATIONS[] = "netns acme; server { listen 1.1.1.1:80;\n"
                                "location / { return 200 a; }\n"
                                "location = / { return 200 b; }\n"
                                "location /documents/ { return 200 c; }\n"
                                "location ^~ /images/ { return 200 d; }\n"
                                "location ~* \\.(gif|jpg|jpeg)$ { return 200 e; }\n"
                                "location ~ ^/documents/.*\\.txt$ { return 200 f; }\n"
                                "location /documents/deep/er { return 200 g; }\n"
                                "location = /documents/exact { return 200 h; }\n"
                                "location /doc { return 200 i; }\n"
                                "location /images/open/ { return 200 j; }\n"
                                "location ~ \\.txt$ { return 200 k; }\n"
                                "location = /pic.gif { return 200 l; }\n"
                                "location ~ ^/Case$ { return 200 m; }\n"
                                "}\n";

Test(locations, precedence)
{
    static const struct {
        const char *path;
        uint32_t line;
    } cases[] = {
        {"/", 3},           /* = goes first */
        {"/index.html", 2}, /* the shortest prefix */
        {"/documents/document.html", 4},
        {"/documents/", 4},
        {"/documents", 10}, /* /doc is its longest prefix */
        {"/doc", 10},
        {"/do", 2},
        {"/documents/exact", 9},
        {"/documents/exact/", 4},
        {"/documents/deep/er", 8},
        {"/documents/deep/erosion", 8},
        {"/documents/deep/", 4},
        {"/images/1.gif", 5},      /* ^~ keeps expressions away */
        {"/images/open/1.gif", 6}, /* a longer prefix without ^~ lets them come */
        {"/images/open/1.png", 11},
        {"/documents/1.jpg", 6},  /* expressions before prefixes */
        {"/documents/1.JPEG", 6}, /* ~* ignores case */
        {"/documents/a.txt", 7},  /* the first expression that matches */
        {"/a.txt", 12},
        {"/a.TXT", 2}, /* ~ does not ignore case */
        {"/pic.gif", 13},
        {"/Case", 14},
        {"/case", 2},
        {"/documents/\xff\xfe", 4},
        {"/\xff", 2},
    };
    struct rig rig;
    rig_run(&rig, LOCATIONS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint32_t line = line_of(&rig, cases[i].path);
        cr_expect_eq(line, cases[i].line, "\"%s\" went to line %u, not %u", cases[i].path, line,
                     cases[i].line);
    }
    rig_free(&rig);
}

Test(locations, none_matches)
{
    struct rig rig;
    rig_run(&rig, "netns acme; server { listen 1.1.1.1:80;\n"
                  "location /b/ { return 200 a; }\n"
                  "location = /c { return 200 b; }\n"
                  "location ~ ^/d { return 200 c; } }\n");
    cr_expect_eq(line_of(&rig, "/"), 0);
    cr_expect_eq(line_of(&rig, "/a"), 0);
    cr_expect_eq(line_of(&rig, "/b"), 0);
    cr_expect_eq(line_of(&rig, "/c/"), 0);
    cr_expect_eq(line_of(&rig, "/zzz"), 0);
    cr_expect_eq(line_of(&rig, "/b/x"), 2);
    cr_expect_eq(line_of(&rig, "/dd"), 4);
    rig_free(&rig);
}

Test(locations, the_longest_of_many_nested_prefixes)
{
    enum { DEPTH = 200 };
    static char text[DEPTH * (2 * DEPTH + 64)];
    char path[2 * DEPTH + 8] = "";
    size_t len = (size_t)sprintf(text, "netns acme; server { listen 1.1.1.1:80;\n");
    for (int i = 0; i < DEPTH; i++) {
        strcat(path, "/a");
        /* every second one only, and a neighbour that sorts between */
        if (i % 2 == 0)
            len += (size_t)sprintf(text + len, "location %s { return 200 x; }\n", path);
        else
            len += (size_t)sprintf(text + len, "location %s! { return 200 x; }\n", path);
    }
    sprintf(text + len, "}\n");
    struct rig rig;
    rig_run(&rig, text);
    path[0] = '\0';
    for (uint32_t i = 0; i < DEPTH; i++) {
        strcat(path, "/a");
        cr_assert_eq(line_of(&rig, path), i % 2 == 0 ? i + 2 : i + 1);
    }
    strcat(path, "/zz");
    cr_assert_eq(line_of(&rig, path), DEPTH);
    rig_free(&rig);
}

Test(locations, a_slash_is_wanted_where_nginx_sends_one)
{
    struct rig rig;
    rig_run(&rig, "netns acme; server { listen 1.1.1.1:80;\n"
                  "location / { return 200 a; }\n"
                  "location /app/ { proxy_pass http://127.0.0.1:80; }\n"
                  "location /both/ { proxy_pass http://127.0.0.1:80; }\n"
                  "location /both { return 200 b; }\n"
                  "location /exact/ { proxy_pass http://127.0.0.1:80; }\n"
                  "location = /exact { return 200 c; }\n"
                  "location = /only/ { proxy_pass http://127.0.0.1:80; }\n"
                  "location = /said/ { return 200 e; }\n"
                  "location /own/ { return 200 d; } }\n");
    const struct tenant_server *server = &rig.tenant->servers[0];
    cr_expect(tenant_wants_slash(server, SLICE("/app")));
    cr_expect(tenant_wants_slash(server, SLICE("/only")));
    cr_expect_not(tenant_wants_slash(server, SLICE("/said")));
    cr_expect_not(tenant_wants_slash(server, SLICE("/app/")));
    cr_expect_not(tenant_wants_slash(server, SLICE("/ap")));
    cr_expect_not(tenant_wants_slash(server, SLICE("/apps")));
    cr_expect_not(tenant_wants_slash(server, SLICE("/both")));
    cr_expect_not(tenant_wants_slash(server, SLICE("/exact")));
    cr_expect_not(tenant_wants_slash(server, SLICE("/own")));
    cr_expect_not(tenant_wants_slash(server, SLICE("/")));
    rig_free(&rig);
}
