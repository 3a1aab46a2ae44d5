/* SPDX-License-Identifier: MIT */
/* Which server a host gets, in nginx's order of preference. */
#include "tenant/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const char SERVERS[] =
    "netns acme;\n"
    "server { listen 1.1.1.1:80; server_name first.test; return 200 a; }\n"
    "server { listen 1.1.1.1:80 default_server; server_name default.test; return 200 b; }\n"
    "server { listen 1.1.1.1:80; server_name *.acme.test acme.test; return 200 c; }\n"
    "server { listen 1.1.1.1:80; server_name *.api.acme.test; return 200 d; }\n"
    "server { listen 1.1.1.1:80; server_name www.acme.*; return 200 e; }\n"
    "server { listen 1.1.1.1:80; server_name www.*; return 200 f; }\n"
    "server { listen 1.1.1.1:80; server_name .dot.test; return 200 g; }\n"
    "server { listen 1.1.1.1:80; server_name ~^w+\\.regex\\.test$; return 200 h; }\n"
    "server { listen 1.1.1.1:80; server_name ~^www\\.; return 200 i; }\n"
    "server { listen 1.1.1.1:80; server_name exact.acme.test; return 200 j; }\n"
    "server { listen 1.1.1.1:80; server_name ~^Caps; return 200 k; }\n"
    "server { listen 1.1.1.1:80; server_name \"\"; return 200 l; }\n"
    "server { listen 2.2.2.2:80; server_name lonely.test; return 200 m; }\n";

/* Servers are known by their line in the file. */
static uint32_t line_of(struct rig *rig, const char *address, const char *host)
{
    struct tenant_listener *listener = tenant_find_listener(rig->tenant, slice_of(address));
    cr_assert(listener, "%s", address);
    return tenant_find_server(listener, slice_of(host))->config->place.line;
}

Test(names, precedence)
{
    static const struct {
        const char *host;
        uint32_t line;
    } cases[] = {
        {"first.test", 2},
        {"default.test", 3},
        {"unknown.test", 3},     /* the default server */
        {"acme.test", 4},        /* exact */
        {"a.acme.test", 4},      /* *.acme.test */
        {"a.b.c.acme.test", 4},  /* an asterisk stands for several parts */
        {"exact.acme.test", 11}, /* exact before wildcard */
        {"x.api.acme.test", 5},  /* the longest leading wildcard */
        {"x.y.api.acme.test", 5},
        {"api.acme.test", 4}, /* *.api.acme.test is not for the name itself */
        {".acme.test", 3},    /* nor *.acme.test for an empty part */
        {"xacme.test", 3},
        {"acme.test.", 3},    /* a final dot is the caller's to take away */
        {"www.acme.test", 4}, /* a leading wildcard before a trailing one */
        {"www.acme.org", 6},  /* the longest trailing wildcard */
        {"www.acme.co.uk", 6},
        {"www.other.org", 7},
        {"www.", 10}, /* www.* wants something behind; ~^www\. does not */
        {"www", 3},
        {"dot.test", 8}, /* .dot.test is dot.test and *.dot.test */
        {"a.dot.test", 8},
        {"a.b.dot.test", 8},
        {"adot.test", 3},
        {"www.regex.test", 7}, /* wildcards before expressions */
        {"wwww.regex.test", 9},
        {"ww.regex.test", 9},
        {"capsule.test", 12}, /* a capital in the pattern: case is ignored */
        {"", 13},
        {".", 3},
        {"..", 3},
    };
    struct rig rig;
    rig_run(&rig, SERVERS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint32_t line = line_of(&rig, "1.1.1.1:80", cases[i].host);
        cr_expect_eq(line, cases[i].line, "\"%s\" went to line %u, not %u", cases[i].host, line,
                     cases[i].line);
    }
    rig_free(&rig);
}

Test(names, a_single_server_gets_all)
{
    struct rig rig;
    rig_run(&rig, SERVERS);
    cr_expect_eq(line_of(&rig, "2.2.2.2:80", "lonely.test"), 14);
    cr_expect_eq(line_of(&rig, "2.2.2.2:80", "first.test"), 14);
    cr_expect_eq(line_of(&rig, "2.2.2.2:80", ""), 14);
    cr_expect_null(tenant_find_listener(rig.tenant, SLICE("2.2.2.2:81")));
    rig_free(&rig);
}

Test(names, the_first_server_is_the_default)
{
    struct rig rig;
    rig_run(&rig, "netns acme;\n"
                  "server { listen 1.1.1.1:80; server_name a.test; return 200 a; }\n"
                  "server { listen 1.1.1.1:80; server_name b.test; return 200 b; }\n");
    cr_expect_eq(line_of(&rig, "1.1.1.1:80", "c.test"), 2);
    cr_expect_eq(line_of(&rig, "1.1.1.1:80", "b.test"), 3);
    cr_expect_eq(line_of(&rig, "1.1.1.1:80", ""), 2);
    rig_free(&rig);
}

Test(names, an_expression_past_its_limits_gets_the_default)
{
    struct rig rig;
    rig_run(&rig, "netns acme;\n"
                  "server { listen 1.1.1.1:80; server_name a.test; return 200 a; }\n"
                  "server { listen 1.1.1.1:80; server_name ~^(a+)+$; return 200 b; }\n"
                  "server { listen 1.1.1.1:80; server_name ~^a; return 200 c; }\n");
    cr_expect_eq(line_of(&rig, "1.1.1.1:80", "aaaa"), 3);
    cr_expect_eq(line_of(&rig, "1.1.1.1:80", "aaa."), 4);
    cr_expect_eq(line_of(&rig, "1.1.1.1:80", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."), 2);
    rig_free(&rig);
}

Test(names, many_names_and_hostile_hosts)
{
    enum { SERVER_COUNT = 500 };
    static char text[SERVER_COUNT * 128], dots[8192];
    size_t len = (size_t)sprintf(text, "netns acme;\n");
    for (int i = 0; i < SERVER_COUNT; i++)
        len += (size_t)sprintf(text + len,
                               "server { listen 1.1.1.1:80; server_name h%d.test *.w%d.test; "
                               "return 200 x; }\n",
                               i, i);
    struct rig rig;
    rig_run(&rig, text);
    for (uint32_t i = 0; i < SERVER_COUNT; i++) {
        char host[64];
        sprintf(host, "h%u.test", i);
        cr_assert_eq(line_of(&rig, "1.1.1.1:80", host), i + 2);
        sprintf(host, "a.b.w%u.test", i);
        cr_assert_eq(line_of(&rig, "1.1.1.1:80", host), i + 2);
    }
    for (size_t i = 0; i + 1 < sizeof(dots); i++)
        dots[i] = i % 2 ? '.' : 'a';
    cr_assert_eq(line_of(&rig, "1.1.1.1:80", dots), 2);
    rig_free(&rig);
}

Test(names, a_match_is_told_from_the_default)
{
    struct rig rig;
    rig_run(&rig, SERVERS);
    struct tenant_listener *listener = tenant_find_listener(rig.tenant, SLICE("1.1.1.1:80"));
    cr_assert_not_null(listener);
    cr_expect_null(tenant_match_server(listener, SLICE("unknown.test")));
    struct tenant_server *server = tenant_match_server(listener, SLICE("default.test"));
    cr_expect_eq(server, listener->default_server);
    server = tenant_match_server(listener, SLICE(""));
    cr_expect(server && server != listener->default_server, "server_name \"\"");
    rig_free(&rig);
}
