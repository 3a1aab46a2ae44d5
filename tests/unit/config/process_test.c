/* SPDX-License-Identifier: MIT */
/* The main file's setters: what names nothing is refused at its place. */
#include "config/config_support.h"

#include "base/sandbox_mode.h"

static unsigned count_errors(const char *text)
{
    struct diag_list diags;
    struct config_tree tree;
    struct config_main model;
    unsigned errors;

    diag_list_init(&diags);
    config_tree_init(&tree);
    config_parse_text(&tree, &config_files, "m.conf", slice_of(text), &diags);
    config_main_build(&model, &tree, "/etc/nsgate/nsgate.conf", &diags);
    errors = diags.errors;
    config_main_free(&model);
    config_tree_free(&tree);
    diag_list_free(&diags);
    return errors;
}

Test(process, users_and_groups_are_names)
{
    cr_expect_eq(count_errors("tenants a; user www-data www-data;"), 0);
    cr_expect_eq(count_errors("tenants a; user a:b;"), 1);
    cr_expect_eq(count_errors("tenants a; user a \"b c\";"), 1);
}

Test(process, logs_and_sockets_have_paths)
{
    cr_expect_eq(count_errors("tenants a; error_log logs/a debug; container_socket run/a;"), 0);
    cr_expect_eq(count_errors("tenants a; error_log memory:1;"), 1);
    cr_expect_eq(count_errors("tenants a; error_log stderr loud;"), 1);
    cr_expect_eq(count_errors("tenants a; container_socket \"\";"), 1);
    cr_expect_eq(count_errors("tenants \"\";"), 1);
}

static uint32_t sandbox_of(const char *text)
{
    struct diag_list diags;
    struct config_tree tree;
    struct config_main model;
    uint32_t mode;

    diag_list_init(&diags);
    config_tree_init(&tree);
    config_parse_text(&tree, &config_files, "m.conf", slice_of(text), &diags);
    cr_assert_eq(config_main_build(&model, &tree, "/etc/nsgate/nsgate.conf", &diags), 0);
    mode = model.sandbox;
    config_main_free(&model);
    config_tree_free(&tree);
    diag_list_free(&diags);
    return mode;
}

Test(process, the_sandbox_has_three_modes)
{
    cr_expect_eq(sandbox_of("tenants a;"), SANDBOX_ON);
    cr_expect_eq(sandbox_of("tenants a; sandbox ON;"), SANDBOX_ON);
    cr_expect_eq(sandbox_of("tenants a; sandbox log;"), SANDBOX_LOG);
    cr_expect_eq(sandbox_of("tenants a; sandbox off;"), SANDBOX_OFF);
    cr_expect_eq(count_errors("tenants a; sandbox yes;"), 1);
    cr_expect_eq(count_errors("tenants a; sandbox;"), 1);
    cr_expect_eq(count_errors("tenants a; sandbox on; sandbox on;"), 1);
}
