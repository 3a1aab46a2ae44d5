/* SPDX-License-Identifier: MIT */
/* The runtime as a whole: TLS sides, endpoints, references, what a tenant costs. */
#include "tenant/rig.h"

#include <criterion/criterion.h>
#include <malloc.h>

static const char TLS_TEXT[] =
    "netns acme;\n"
    "server { listen 1.1.1.1:443 ssl; listen 1.1.1.1:80; server_name a.test;\n"
    "    ssl_certificate a.crt; ssl_certificate_key a.key;\n"
    "    ssl_certificate b.crt; ssl_certificate_key b.key; return 200 a; }\n"
    "server { listen 1.1.1.1:443 ssl; server_name b.test;\n"
    "    ssl_certificate b.crt; ssl_certificate_key b.key; return 200 b; }\n"
    "server { listen 1.1.1.1:80; server_name c.test; return 200 c; }\n";

Test(tenant, session_contexts_tell_tenants_and_twins_apart)
{
    static const char text[] =
        "netns acme;\n"
        "server { listen 1.1.1.1:443 ssl; ssl_certificate a.crt; ssl_certificate_key a.key;\n"
        "    return 200 a; }\n"
        "server { listen 1.1.1.2:443 ssl; ssl_certificate a.crt; ssl_certificate_key a.key;\n"
        "    return 200 b; }\n";
    struct rig one, two, same;
    struct rig *all[] = {&one, &two, &same};
    for (int i = 0; i < 3; i++) {
        rig_init(all[i], text);
        rig_add_identity(all[i], "a");
        if (i == 1)
            all[i]->bundle.tenant = SLICE("other");
        cr_assert(rig_build(all[i]));
    }
    const unsigned char *first = one.tenant->servers[0].tls.session_context;
    cr_expect_neq(memcmp(first, one.tenant->servers[1].tls.session_context, 32), 0);
    cr_expect_neq(memcmp(first, two.tenant->servers[0].tls.session_context, 32), 0);
    cr_expect_eq(memcmp(first, same.tenant->servers[0].tls.session_context, 32), 0);
    for (int i = 0; i < 3; i++)
        rig_free(all[i]);
}

Test(tenant, settings_that_openssl_refuses_are_an_error)
{
    struct rig rig;
    rig_init(&rig, "netns acme;\n"
                   "server { listen 1.1.1.1:443 ssl; ssl_ciphers NONSENSE;\n"
                   "    ssl_certificate a.crt; ssl_certificate_key a.key;\n"
                   "    return 200 a; }\n");
    rig_add_identity(&rig, "a");
    cr_expect_not(rig_build(&rig));
    cr_expect_eq(rig.diags.errors, 1);
    rig_free(&rig);
}

Test(tenant, what_openssl_refuses_is_told_where_it_stands)
{
    struct rig rig;
    rig_init(&rig, "netns acme;\n"
                   "ssl_ciphers\n NONSENSE;\n"
                   "server { listen 1.1.1.1:443 ssl; ssl_ecdh_curve X25519:nonsense;\n"
                   "    ssl_certificate a.crt; ssl_certificate_key a.key;\n"
                   "    return 200 a; }\n"
                   "server { listen 1.1.1.1:443 ssl; server_name b; return 200 b;\n"
                   "    ssl_certificate a.crt; ssl_certificate_key a.key; }\n"
                   "server { listen 1.1.1.1:80; return 200 a;\n"
                   "    ssl_ciphers \"no certificate needs these\"; }\n");
    struct config_tenant model;
    cr_assert_eq(config_tenant_build(&model,
                                     &(struct config_tenant_source){.name = SLICE("acme"),
                                                                    .folder = SLICE("/c"),
                                                                    .root = &rig.tree.root},
                                     &rig.diags),
                 0);
    cr_expect_eq(tenant_check(&model, rig.contexts, &rig.diags), ERROR_CONFIG);
    cr_expect(rig_has_diag(&rig, 3, "invalid cipher list \"NONSENSE\""));
    cr_expect(rig_has_diag(&rig, 4, "invalid group list \"X25519:nonsense\""));
    cr_expect(rig_has_diag(&rig, 10, "invalid cipher list \"no certificate"));
    cr_expect_eq(rig.diags.errors, 3, "each once");
    config_tenant_free(&model);
    rig_free(&rig);
}

Test(tenant, one_endpoint_per_address)
{
    struct rig rig;
    char text[ADDRESS_TEXT];
    rig_init(&rig, "netns acme;\n"
                   "upstream app { server 127.0.0.1:9000 weight=2; server app.test:81;\n"
                   "    server unix:/run/app.sock backup; }\n"
                   "server { listen 1.1.1.1:80;\n"
                   "    location / { proxy_pass http://app; } }\n");
    rig_add_name(&rig, "app.test", 81, 2);
    cr_assert(rig_build(&rig));
    const struct tenant_upstream *upstream = &rig.tenant->upstreams[0];
    cr_assert_eq(upstream->endpoint_count, 4);
    static const char *const expected[] = {"127.0.0.1:9000", "192.0.2.1:81", "192.0.2.2:81",
                                           "unix:/run/app.sock"};
    for (uint32_t i = 0; i < 4; i++) {
        address_format(&upstream->endpoints[i].address, text);
        cr_expect_str_eq(text, expected[i]);
    }
    cr_expect_eq(upstream->endpoints[1].config, upstream->endpoints[2].config);
    cr_expect_eq(upstream->endpoints[0].config->weight, 2);
    cr_expect(upstream->endpoints[3].config->backup);
    rig_free(&rig);
}

Test(tenant, a_name_without_addresses_is_an_error)
{
    struct rig rig;
    rig_init(&rig, "netns acme;\n"
                   "upstream app {\n"
                   "    server gone.test:81; }\n"
                   "server { listen 1.1.1.1:80;\n"
                   "    location / { proxy_pass http://app; } }\n");
    cr_expect_not(rig_build(&rig));
    cr_expect(rig_has_diag(&rig, 3, "host not found in upstream \"gone.test:81\""));
    rig_free(&rig);
}

Test(tenant, outlives_the_bytes_it_was_made_from)
{
    struct rig rig;
    struct wire_writer writer;
    struct arena arena;
    struct bundle bundle;
    rig_init(&rig, TLS_TEXT);
    rig_add_identity(&rig, "a");
    rig_add_identity(&rig, "b");
    wire_writer_init(&writer);
    bundle_encode(&writer, &rig.bundle);
    arena_init(&arena, 4096);
    cr_assert_eq(bundle_decode(&bundle, &arena, wire_written(&writer)), 0);
    struct tenant *tenant = tenant_new(&bundle, rig.contexts, &rig.diags);
    cr_assert(tenant);
    wire_writer_free(&writer);
    arena_free(&arena);

    struct tenant_listener *listener = tenant_find_listener(tenant, SLICE("1.1.1.1:443"));
    cr_assert(listener && listener->config->ssl);
    struct tenant_server *server = tenant_find_server(listener, SLICE("b.test"));
    cr_expect(slice_equal(server->config->names[0].text, SLICE("b.test")));
    cr_expect_str_eq(server->config->place.file, "/etc/nsgate/acme.conf");
    cr_expect_eq(tenant_ref(tenant), tenant);
    tenant_unref(tenant);
    cr_expect(slice_equal(tenant->config.name, SLICE("acme")));
    tenant_unref(tenant);
    rig_free(&rig);
}

/* Under a sanitizer mallinfo2 tells nothing, and this only runs the code. */
Test(tenant, costs_little)
{
    enum { TENANTS = 100, BOUND = 6 * 1024 };
    static const char text[] =
        "netns acme;\n"
        "server { listen 10.0.0.1:443 ssl; server_name acme.test;\n"
        "    ssl_certificate certs/acme.crt; ssl_certificate_key certs/acme.key;\n"
        "    location / { proxy_pass http://127.0.0.1:9000; } }\n";
    struct rig rig;
    struct tenant *tenants[TENANTS];
    rig_init(&rig, text);
    rig_add_identity(&rig, "certs/acme");
    cr_assert(rig_build(&rig)); /* the context is made now */
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < TENANTS; i++)
        tenants[i] = tenant_new(&rig.bundle, rig.contexts, &rig.diags);
    size_t each = (mallinfo2().uordblks - before) / TENANTS;
    cr_log_info("%zu bytes per tenant", each);
    cr_expect_lt(each, BOUND, "%zu bytes per tenant", each);
    for (int i = 0; i < TENANTS; i++)
        tenant_unref(tenants[i]);
    rig_free(&rig);
}
