/* SPDX-License-Identifier: MIT */
/* Regular expressions: errors with their place, limits that hold. */
#include "tenant/rig.h"

#include <criterion/criterion.h>
#include <time.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

Test(regex, mistakes_are_errors_at_their_place)
{
    static const char text[] = "netns acme;\n"
                               "server { listen 1.1.1.1:80; server_name ~^(a a.test;\n"
                               "    location ~ \"^/(x\" { return 200 a; }\n"
                               "    location ~* \"[z-a]\" { return 200 b; }\n"
                               "    location ~ \"\\C\" { return 200 c; }\n"
                               "    location ~ fine { return 200 d; }\n"
                               "}\n"
                               "server { listen 1.1.1.1:80; return 200 e; }\n";
    struct rig rig;
    rig_init(&rig, text);
    cr_assert_not(rig_build(&rig));
    cr_expect(rig_has_diag(&rig, 2, "\"^(a\": missing closing parenthesis at offset 3"));
    cr_expect(rig_has_diag(&rig, 3, "at offset 4"));
    cr_expect(rig_has_diag(&rig, 4, "range out of order"));
    cr_expect(rig_has_diag(&rig, 5, "\\C"));
    cr_expect_eq(rig.diags.errors, 4);
    rig_free(&rig);
}

Test(regex, check_tells_the_same_without_building)
{
    struct rig rig;
    rig_init(&rig, "netns acme;\n"
                   "server { listen 1.1.1.1:80; server_name ~^(a;\n"
                   "    location ~ [ { return 200 a; } }\n");
    struct config_tenant model;
    cr_assert_eq(config_tenant_build(&model,
                                     &(struct config_tenant_source){.name = SLICE("acme"),
                                                                    .folder = SLICE("/c"),
                                                                    .root = &rig.tree.root},
                                     &rig.diags),
                 0);
    cr_assert_neq(tenant_check(&model, rig.contexts, &rig.diags), 0);
    cr_expect_eq(rig.diags.errors, 2);
    cr_expect(rig_has_diag(&rig, 2, "offset"));
    cr_expect(rig_has_diag(&rig, 3, "offset"));
    config_tenant_free(&model);
    rig_free(&rig);
}

Test(regex, a_runaway_is_stopped_and_nothing_else_is_tried)
{
    struct rig rig;
    rig_run(&rig, "netns acme; server { listen 1.1.1.1:80;\n"
                  "location / { return 200 a; }\n"
                  "location ~ ^/(a+)+$ { return 403; }\n"
                  "location ~ ^/a { return 200 b; } }\n");
    const struct tenant_server *server = &rig.tenant->servers[0];
    static char path[4096] = "/";
    memset(path + 1, 'a', sizeof(path) - 3);
    path[sizeof(path) - 2] = '!';
    double start = now();
    for (int i = 0; i < 10; i++)
        cr_expect_null(tenant_find_location(server, slice_of(path)));
    cr_expect_lt(now() - start, 2.0); /* with sanitizers */
    const struct tenant_location *found = tenant_find_location(server, SLICE("/aaa"));
    cr_expect(found && found->config->place.line == 3);
    found = tenant_find_location(server, SLICE("/aab"));
    cr_expect(found && found->config->place.line == 4);
    rig_free(&rig);
}

Test(regex, long_paths_pass_ordinary_expressions)
{
    struct rig rig;
    rig_run(&rig, "netns acme; server { listen 1.1.1.1:80;\n"
                  "location / { return 200 a; }\n"
                  "location ~ ^/.*\\.php$ { return 200 b; }\n"
                  "location ~ ^(/[a-z]+)+/end$ { return 200 c; } }\n");
    const struct tenant_server *server = &rig.tenant->servers[0];
    static char path[8000];
    for (size_t i = 0; i + 5 < sizeof(path); i++)
        path[i] = i % 8 ? 'x' : '/';
    strcpy(path + sizeof(path) - 8, "/a.php");
    const struct tenant_location *found = tenant_find_location(server, slice_of(path));
    cr_expect(found && found->config->place.line == 3);
    strcpy(path + sizeof(path) - 8, "/end");
    found = tenant_find_location(server, slice_of(path));
    cr_expect(found && found->config->place.line == 4);
    rig_free(&rig);
}

/* From every starting point it stays below the limit; all together must not take long either. */
Test(regex, a_quadratic_one_is_stopped)
{
    struct rig rig;
    rig_run(&rig, "netns acme; server { listen 1.1.1.1:80;\n"
                  "location / { return 200 a; }\n"
                  "location ~ x.*[yz] { return 200 b; } }\n");
    const struct tenant_server *server = &rig.tenant->servers[0];
    static char path[8192];
    path[0] = '/';
    memset(path + 1, 'x', sizeof(path) - 2);
    double start = now();
    cr_expect_null(tenant_find_location(server, slice_of(path)));
    cr_expect_lt(now() - start, 0.01); /* 0.4 s without a budget */
    rig_free(&rig);
}

/* Long subjects are searched in windows of starting points: none may be left out. */
Test(regex, a_match_is_found_wherever_it_starts)
{
    struct rig rig;
    rig_run(&rig, "netns acme; server { listen 1.1.1.1:80;\n"
                  "location / { return 200 a; }\n"
                  "location ~ (?<=[y/])z[0-9] { return 200 b; }\n"
                  "location ~ ^q { return 200 c; }\n"
                  "location ~ !?$ { return 200 d; } }\n");
    const struct tenant_server *server = &rig.tenant->servers[0];
    static char path[4000];
    for (size_t at = 1; at + 3 < sizeof(path); at += 7) {
        memset(path, 'y', sizeof(path) - 1);
        path[0] = '/';
        path[at] = 'z';
        path[at + 1] = '7';
        const struct tenant_location *found = tenant_find_location(server, slice_of(path));
        cr_assert(found && found->config->place.line == 3, "at %zu", at);
    }
    memset(path, 'q', sizeof(path) - 1); /* ^ is the path's start, not a window's */
    path[0] = '/';
    const struct tenant_location *found = tenant_find_location(server, slice_of(path));
    cr_expect(found && found->config->place.line == 5);
    rig_free(&rig);
}

Test(regex, works_again_after_trim)
{
    struct rig rig;
    rig_run(&rig, "netns acme; server { listen 1.1.1.1:80;\n"
                  "location ~ ^/a { return 200 a; } }\n");
    const struct tenant_server *server = &rig.tenant->servers[0];
    for (int i = 0; i < 3; i++) {
        cr_expect_not_null(tenant_find_location(server, SLICE("/a")));
        tenant_trim(rig.tenant);
        tenant_trim(rig.tenant);
    }
    rig_free(&rig);
}
