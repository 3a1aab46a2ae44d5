/* SPDX-License-Identifier: MIT */
/* Zones of a tenant: what they say, what is wrong with them, and those of the main file. */
#include "config/config_support.h"

#define TAIL "netns a; server { listen 80; return 204; }"

static const struct config_zone *find(const struct built *built, struct slice name)
{
    for (uint32_t i = 0; i < built->tenant.zone_count; i++) {
        if (slice_equal(built->tenant.zones[i].name, name))
            return &built->tenant.zones[i];
    }
    return NULL;
}

Test(zones, they_say_name_key_size_and_rate)
{
    struct built built;
    const struct config_zone *zone;

    build_good(&built, "limit_req_zone $binary_remote_addr zone=one:10m rate=30r/m;\n"
                       "limit_req_zone \"$host $uri\" rate=5r/s zone=two:32k;\n"
                       "limit_req_zone fixed zone=three:64K;\n"
                       "limit_conn_zone $server_name zone=four:1m;\n" TAIL);
    cr_assert_eq(built.tenant.zone_count, 4);
    zone = find(&built, SLICE("one"));
    cr_assert_eq(zone->kind, ZONE_RATES);
    cr_assert_eq(zone->size, 10UL << 20);
    cr_assert_eq(zone->rate, 500);
    cr_assert_eq(zone->key.parts[0].variable, VARIABLE_BINARY_REMOTE_ADDR);
    cr_assert(slice_equal(zone->identity, SLICE("one $binary_remote_addr")));
    zone = find(&built, SLICE("two"));
    cr_assert_eq(zone->size, 32UL << 10);
    cr_assert_eq(zone->rate, 5000);
    cr_assert_eq(zone->key.count, 3);
    cr_assert_eq(find(&built, SLICE("three"))->rate, 1000);
    zone = find(&built, SLICE("four"));
    cr_assert_eq(zone->kind, ZONE_COUNTS);
    free_tenant(&built);
}

Test(zones, slow_rates_are_rounded_as_nginx_does)
{
    struct built built;

    build_good(&built, "limit_req_zone a zone=a:1m rate=1r/m;\n"
                       "limit_req_zone a zone=b:1m rate=7;\n" TAIL);
    cr_assert_eq(find(&built, SLICE("a"))->rate, 16);
    cr_assert_eq(find(&built, SLICE("b"))->rate, 7000);
    free_tenant(&built);
}

Test(zones, mistakes)
{
    static const struct said wrong[] = {
        {"limit_req_zone a zone=one rate=1r/s;\n" TAIL, 1, 18, "invalid zone size"},
        {"limit_req_zone a zone=one:x rate=1r/s;\n" TAIL, 1, 18, "invalid zone size"},
        {"limit_req_zone a zone=one:2g rate=1r/s;\n" TAIL, 1, 18, "invalid zone size"},
        {"limit_req_zone a zone=one:31k rate=1r/s;\n" TAIL, 1, 18, "is too small"},
        {"limit_req_zone a zone=:32k rate=1r/s;\n" TAIL, 1, 18, "has no name"},
        {"limit_req_zone a zone=.x:32k rate=1r/s;\n" TAIL, 1, 18, "has no name"},
        {"limit_req_zone a zone=one:32k rate=0r/s;\n" TAIL, 1, 31, "invalid rate"},
        {"limit_req_zone a zone=one:32k rate=-1r/s;\n" TAIL, 1, 31, "invalid rate"},
        {"limit_req_zone a zone=one:32k rate=1r/h;\n" TAIL, 1, 31, "invalid rate"},
        {"limit_req_zone a zone=one:32k rate=9999999r/s;\n" TAIL, 1, 31, "invalid rate"},
        {"limit_req_zone a rate=1r/s;\n" TAIL, 1, 1, "must have \"zone\" parameter"},
        {"limit_req_zone a zone=one:32k burst=1;\n" TAIL, 1, 31, "invalid parameter"},
        {"limit_req_zone a zone=one:32k zone=two:32k;\n" TAIL, 1, 31, "duplicate parameter"},
        {"limit_req_zone a rate=1r/s zone=one:32k rate=2r/s;\n" TAIL, 1, 41, "duplicate parameter"},
        {"limit_conn_zone a rate=1r/s;\n" TAIL, 1, 19, "invalid parameter"},
        {"limit_conn_zone $nothing zone=one:32k;\n" TAIL, 1, 17, "nothing"},
        {"limit_conn_zone a zone=one:32k;\nlimit_req_zone b zone=one:1m;\n" TAIL, 2, 18,
         "zone \"one\" is a duplicate: it was given before, at t.conf:1:19"},
        {"limit_conn_zone a zone=a:1g;\nlimit_req_zone b zone=b:32k;\n" TAIL, 2, 18,
         "larger than 1g together"},
    };

    expect_errors(wrong, COUNT(wrong));
}

Test(zones, too_many)
{
    struct built built;
    char text[65 * 48 + 256];
    size_t len = 0;

    for (unsigned i = 0; i < 65; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "limit_conn_zone a zone=zone_%u:32k;\n", i);
    snprintf(text + len, sizeof(text) - len, TAIL);
    build_tenant(&built, text);
    cr_assert_eq(built.diags.errors, 1);
    cr_assert(says(&built.diags, DIAG_ERROR, 65, 19, "64 zones at most"));
    free_tenant(&built);
}

Test(zones, sync_is_accepted)
{
    struct built built;

    build_tenant(&built, "limit_req_zone a zone=one:1m rate=1r/s sync;\n" TAIL);
    cr_assert_eq(built.result, 0);
    cr_assert(says(&built.diags, DIAG_WARNING, 1, 40, "\"sync\" has no effect"));
    free_tenant(&built);
}

/* In the main file's defaults a zone is each tenant's, unless the tenant has its own. */
Test(zones, defaults)
{
    struct config_tree defaults, tenant;
    struct config_tenant model;
    struct config_main main_model;
    struct diag_list diags;

    diag_list_init(&diags);
    config_tree_init(&defaults);
    config_tree_init(&tenant);
    config_parse_text(&defaults, &config_files, "m.conf",
                      SLICE("tenants /t/*; defaults { limit_req_zone a zone=one:1m rate=1r/s;"
                            " limit_conn_zone b zone=two:1m; }"),
                      &diags);
    config_parse_text(&tenant, &config_files, "t.conf",
                      SLICE("limit_req_zone c zone=one:2m rate=2r/s; " TAIL), &diags);
    cr_assert_eq(config_main_build(&main_model, &defaults, "/m.conf", &diags), 0);
    cr_assert_eq(config_tenant_build(&model,
                                     &(struct config_tenant_source){.name = SLICE("acme"),
                                                                    .folder = SLICE("/etc"),
                                                                    .defaults = main_model.defaults,
                                                                    .root = &tenant.root},
                                     &diags),
                 0);
    cr_assert_eq(model.zone_count, 2);
    cr_assert_eq(model.zones[0].size, 2UL << 20);
    cr_assert_eq(model.zones[0].rate, 2000);
    cr_assert_eq(model.zones[1].kind, ZONE_COUNTS);
    config_tenant_free(&model);
    config_main_free(&main_model);
    config_tree_free(&tenant);
    config_tree_free(&defaults);
    diag_list_free(&diags);
}
