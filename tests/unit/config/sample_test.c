/* SPDX-License-Identifier: MIT */
/* The sample files that are installed are right. */
#include "config/config_support.h"

/* A sample file of the tree. */
static const char *sample(struct arena *arena, const char *name)
{
    return arena_printf(arena, "%s/conf/%s", NSGATE_TREE, name).data;
}

Test(sample, both_files_are_accepted_without_a_word)
{
    struct config_tree main_tree, tree;
    struct config_main model;
    struct config_tenant tenant;
    struct diag_list diags;
    struct arena arena;

    arena_init(&arena, 512);
    diag_list_init(&diags);
    config_tree_init(&main_tree);
    config_tree_init(&tree);
    cr_assert_eq(config_parse(&main_tree, &config_files, sample(&arena, "nsgate.conf"), &diags), 0);
    cr_assert_eq(config_parse(&tree, &config_files, sample(&arena, "tenants/acme.conf"), &diags),
                 0);
    cr_expect_eq(config_main_build(&model, &main_tree, "/etc/nsgate/nsgate.conf", &diags), 0);
    cr_expect_eq(config_tenant_build(&tenant,
                                     &(struct config_tenant_source){.name = SLICE("acme"),
                                                                    .folder = model.folder,
                                                                    .defaults = model.defaults,
                                                                    .root = &tree.root},
                                     &diags),
                 0);
    show(&diags);
    cr_expect(STAILQ_EMPTY(&diags.items));
    cr_expect_eq(tenant.listen_count, 3);
    cr_expect_eq(tenant.server_count, 2);
    config_tenant_free(&tenant);
    config_main_free(&model);
    config_tree_free(&tree);
    config_tree_free(&main_tree);
    diag_list_free(&diags);
    arena_free(&arena);
}
