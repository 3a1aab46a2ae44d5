/* SPDX-License-Identifier: MIT */
/* The tenant as a whole: namespaces, defaults, memory, and the sample files. */
#include "config/config_support.h"

Test(tenant, namespace_forms)
{
    static const struct {
        const char *text;
        enum config_netns_kind kind;
        const char *path;
    } good[] = {{"acme", NETNS_NAME, "/run/netns/acme"},
                {"/var/run/x", NETNS_PATH, "/var/run/x"},
                {"pid:17", NETNS_PID, "/proc/17/ns/net"},
                {"host", NETNS_HOST, NULL}};

    for (unsigned i = 0; i < COUNT(good); i++) {
        struct built built;
        char text[128];

        snprintf(text, sizeof(text), "server { return 204; }\nnetns %s;", good[i].text);
        build_good(&built, text);

        const struct config_netns *netns = &built.tenant.netns;

        cr_expect_eq(netns->kind, good[i].kind);
        cr_expect(text_is(netns->text, good[i].text));
        if (good[i].path)
            cr_expect_str_eq(netns->path, good[i].path);
        else
            cr_expect_null(netns->path);
        cr_expect_eq(netns->place.line, 2);
        cr_expect_eq(netns->place.column, 7);
        cr_expect_eq(built.tenant.max_connections, 4096);
        cr_expect_eq(built.tenant.cpu_weight, 100);
        free_tenant(&built);
    }
}

#define WITH(netns) "server { return 204; }\n" netns

Test(tenant, bad_namespaces)
{
    static const struct said wrong[] = {
        {WITH("netns ../x;"), 2, 7, "\"../x\" is no network namespace: a name is one file's name"},
        {WITH("netns ..;"), 2, 7, "a name is one file's name"},
        {WITH("netns .;"), 2, 7, "a name is one file's name"},
        {WITH("netns '';"), 2, 7, "a name is one file's name"},
        {WITH("netns a/b;"), 2, 7, "a name is one file's name"},
        {WITH("netns pid:0;"), 2, 7, "number of a process"},
        {WITH("netns pid:1x;"), 2, 7, "number of a process"},
        {WITH("netns pid:99999999999;"), 2, 7, "number of a process"},
        {WITH("netns \"a\\nb\";"), 2, 7, "control characters"},
        {WITH("netns container:;"), 2, 7, "behind \"container:\" stands a container's name"},
        {WITH("netns container:a/b;"), 2, 7, "stands a container's name"},
        {WITH(""), 0, 0, "\"netns\" is missing"},
    };

    expect_errors(wrong, COUNT(wrong));
}

Test(tenant, names)
{
    cr_expect(config_tenant_name_is_valid(SLICE("a.B_c-9")));
    cr_expect_not(config_tenant_name_is_valid(SLICE("")));
    cr_expect_not(config_tenant_name_is_valid(SLICE("a/b")));
    cr_expect_not(config_tenant_name_is_valid(SLICE("a b")));
    cr_expect(config_tenant_name_is_valid(
        SLICE("0123456789012345678901234567890123456789012345678901234567890123")));
    cr_expect_not(config_tenant_name_is_valid(
        SLICE("01234567890123456789012345678901234567890123456789012345678901234")));
}

Test(tenant, defaults_come_first)
{
    struct built built;

    build_both(&built,
               "tenants *; defaults { send_timeout 1s; client_body_timeout 1s; max_connections 9; "
               "proxy_set_header A a; ssl_certificate d.crt; ssl_certificate_key d.key; "
               "proxy_buffering on; }",
               "netns a; send_timeout 2s; server { listen 443 ssl; return 204; }");
    cr_assert_eq(built.result, 0);
    cr_expect_eq(built.tenant.max_connections, 9);

    const struct config_server *server = &built.tenant.servers[0];

    cr_expect_eq(server->settings->send_timeout, 2);
    cr_expect_eq(server->settings->client_body_timeout, 1);
    cr_assert_eq(server->settings->set_header_count, 1);
    cr_expect(text_is(server->settings->set_headers[0].name, "A"));
    cr_assert_eq(server->certificate_count, 1);
    cr_expect(text_is(server->certificates[0].certificate, "/etc/nsgate/d.crt"));
    cr_expect_str_eq(server->certificates[0].place.file, "m.conf");
    cr_expect_eq(built.diags.warnings, 1, "told once, by the main file");
    free_tenant(&built);
}

Test(tenant, defaults_are_overridden)
{
    struct built built;

    build_both(&built,
               "tenants *; defaults { max_connections 9; cpu_weight 300; proxy_set_header A a; }",
               "netns a; max_connections 5; proxy_set_header B b; server { return 204; }");
    cr_assert_eq(built.result, 0);
    cr_expect_eq(built.tenant.max_connections, 5);
    cr_expect_eq(built.tenant.cpu_weight, 300);
    cr_assert_eq(built.tenant.servers[0].settings->set_header_count, 1);
    cr_expect(text_is(built.tenant.servers[0].settings->set_headers[0].name, "B"));
    free_tenant(&built);
}

Test(tenant, costs_little)
{
    struct built built;

    build_good(&built, "netns acme; upstream app { server 127.0.0.1:9000; }\n"
                       "server { listen 127.0.0.1:8443 ssl; server_name acme.test;\n"
                       " ssl_certificate certs/acme.crt; ssl_certificate_key certs/acme.key;\n"
                       " location / { proxy_pass http://app; } }");
    cr_expect(arena_footprint(&built.tenant.arena) <= 4096, "%zu bytes",
              arena_footprint(&built.tenant.arena));
    free_tenant(&built);
}

Test(tenant, nothing_at_all)
{
    struct built built;

    build_tenant(&built, "");
    cr_expect_eq(built.result, ERROR_CONFIG);
    cr_expect(says(&built.diags, DIAG_ERROR, 0, 0, "\"netns\" is missing"));
    cr_expect(says(&built.diags, DIAG_WARNING, 0, 0, "there is no \"server\""));
    free_tenant(&built);
}

/* It has been told why, and all else would be about a file that nobody has seen. */
Test(tenant, of_a_file_that_cannot_be_read_nothing_is_missing)
{
    struct config_tree tree;
    struct built built;

    diag_list_init(&built.diags);
    config_tree_init(&tree);
    config_parse(&tree, &config_files, "/nowhere/a.conf", &built.diags);
    config_tenant_build(&built.tenant,
                        &(struct config_tenant_source){
                            .name = SLICE("a"), .folder = SLICE("/"), .root = &tree.root},
                        &built.diags);
    cr_expect(says(&built.diags, DIAG_ERROR, 0, 0, "cannot be read"));
    cr_expect_eq(built.diags.errors, 1);
    cr_expect_null(STAILQ_NEXT(STAILQ_FIRST(&built.diags.items), next));
    config_tree_free(&tree);
    free_tenant(&built);
}
