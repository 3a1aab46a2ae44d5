/* SPDX-License-Identifier: MIT */
/* The main file: its directives, its defaults block, and what it is without them. */
#include "config/config_support.h"

#include <unistd.h>

static void build_main(struct built *built, struct config_tree *tree, const char *path,
                       const char *text)
{
    diag_list_init(&built->diags);
    config_tree_init(tree);
    config_parse_text(tree, &config_files, "m.conf", slice_of(text), &built->diags);
    built->result = config_main_build(&built->main, tree, path, &built->diags);
}

static void drop(struct built *built, struct config_tree *tree)
{
    config_main_free(&built->main);
    config_tree_free(tree);
    diag_list_free(&built->diags);
}

Test(main_file, defaults)
{
    struct config_tree tree;
    struct built built;

    build_main(&built, &tree, "/etc/nsgate/nsgate.conf", "tenants t/*.conf;");
    cr_assert_eq(built.result, 0);
    cr_expect(text_is(built.main.user, "nobody"));
    cr_expect_eq(built.main.group.len, 0);
    cr_expect_eq(built.main.worker_processes, 0);
    cr_expect_eq(built.main.workers_per_tenant, 2);
    cr_expect_eq(built.main.log_sink, LOG_SINK_STDERR);
    cr_expect_eq(built.main.log_level, LOG_LEVEL_NOTICE);
    cr_expect(text_is(built.main.pid_file, "/run/nsgate.pid"));
    cr_expect_eq(built.main.worker_shutdown_timeout, 30);
    cr_expect_eq(built.main.container_socket.len, 0);
    cr_expect_null(built.main.defaults);
    cr_expect_not(built.main.netns_shared);
    cr_assert_eq(built.main.tenant_glob_count, 1);
    cr_expect(text_is(built.main.tenant_globs[0], "/etc/nsgate/t/*.conf"));
    drop(&built, &tree);
}

Test(main_file, everything)
{
    struct config_tree tree;
    struct built built;

    build_main(&built, &tree, "/etc/nsgate/nsgate.conf",
               "user www adm; worker_processes 3; workers_per_tenant all; error_log log/e.log info;"
               "pid n.pid; container_socket run/engine.sock; worker_shutdown_timeout 1m; tenants "
               "a/*; tenants /b/*; daemon off;"
               "netns_shared on;"
               "defaults { send_timeout 5; proxy_set_header A b; max_connections 7; }");
    cr_assert_eq(built.result, 0);
    cr_expect(text_is(built.main.user, "www"));
    cr_expect(text_is(built.main.group, "adm"));
    cr_expect_eq(built.main.worker_processes, 3);
    cr_expect_eq(built.main.workers_per_tenant, 0);
    cr_expect_eq(built.main.log_sink, LOG_SINK_FILE);
    cr_expect_eq(built.main.log_level, LOG_LEVEL_INFO);
    cr_expect(text_is(built.main.log_file, "/etc/nsgate/log/e.log"));
    cr_expect(text_is(built.main.pid_file, "/etc/nsgate/n.pid"));
    cr_expect(text_is(built.main.container_socket, "/etc/nsgate/run/engine.sock"));
    cr_expect_eq(built.main.worker_shutdown_timeout, 60);
    cr_expect_eq(built.main.tenant_glob_count, 2);
    cr_expect_not_null(built.main.defaults);
    cr_expect(built.main.netns_shared);
    drop(&built, &tree);
}

Test(main_file, mistakes)
{
    static const struct said wrong[] = {
        {"tenants *;\nworker_processes 0;", 2, 18, "takes a number from 1 to 256 or \"auto\""},
        {"tenants *;\nworkers_per_tenant many;", 2, 20, "or \"all\""},
        {"tenants *;\nerror_log stderr loud;", 2, 18, "allowed: debug, info, notice, warn, error"},
        {"tenants *;\nerror_log syslog:server=x;", 2, 11, "is not supported: \"error_log\" takes"},
        {"tenants *;\nuser 'a b';", 2, 6, "is no name of a user"},
        {"tenants *;\nuser a b/c;", 2, 8, "is no name of a group"},
        {"tenants *;\npid '';", 2, 5, "names no file"},
        {"tenants *;\ncontainer_socket '';", 2, 18, "names no file"},
        {"tenants *;\ncontainer_socket "
         "/2345678901234567890123456789012345678901234567890123456789012345678901234567890"
         "2345678901234567890123456789;",
         2, 18, "is too long for a Unix socket's path"},
        {"tenants '';", 1, 9, "names no files"},
        {"tenants *;\ndaemon on;", 2, 8, "\"daemon\" can only be \"off\""},
        {"tenants *;\nworker_shutdown_timeout 0;", 2, 25, "out of range"},
        {"tenants *;\nserver { }", 2, 1, "\"server\" is not allowed in the main file"},
        {"tenants *;\nevents { }", 2, 1, "\"events\" is not supported: there is no such block"},
        {"tenants *;\nuser a;\nuser b;", 3, 1, "\"user\" is a duplicate"},
        {"tenants *;\ndefaults { netns a; }", 2, 12, "\"netns\" is not allowed in \"defaults\""},
        {"tenants *;\ndefaults { server { } }", 2, 12, "\"server\" is not allowed in \"defaults\""},
        {"tenants *;\ndefaults { listen 80; }", 2, 12, "\"listen\" is not allowed in \"defaults\""},
        {"tenants *;\ndefaults { send_timeout x; }", 2, 25, "\"x\" is no time"},
        {"tenants *;\ndefaults { max_connections x; }", 2, 28, "takes a number"},
        {"tenants *;\nworker_proceses 1;", 2, 1, "did you mean \"worker_processes\"?"},
    };

    for (unsigned i = 0; i < COUNT(wrong); i++) {
        struct config_tree tree;
        struct built built;

        build_main(&built, &tree, "/m.conf", wrong[i].text);
        cr_expect_eq(built.result, ERROR_CONFIG);
        cr_expect(is_said(&built.diags, DIAG_ERROR, &wrong[i]), "%s", wrong[i].words);
        cr_expect_eq(built.diags.errors, 1, "%s", wrong[i].text);
        drop(&built, &tree);
    }
}

Test(main_file, relative_to_its_folder)
{
    struct config_tree tree;
    struct built built;
    char here[512], wanted[600];

    cr_assert_not_null(getcwd(here, sizeof(here)));
    build_main(&built, &tree, "conf/m.conf", "tenants *;");
    snprintf(wanted, sizeof(wanted), "%s/conf/*", here);
    cr_expect(text_is(built.main.tenant_globs[0], wanted));
    drop(&built, &tree);
    build_main(&built, &tree, "/m.conf", "tenants *;");
    cr_expect(text_is(built.main.folder, "/"));
    cr_expect(text_is(built.main.tenant_globs[0], "/*"));
    drop(&built, &tree);
}

Test(main_file, without_tenants_it_warns)
{
    struct config_tree tree;
    struct built built;

    build_main(&built, &tree, "/m.conf", "");
    cr_expect_eq(built.result, 0);
    cr_expect(says(&built.diags, DIAG_WARNING, 0, 0, "there is no \"tenants\""));
    drop(&built, &tree);
}
