/* SPDX-License-Identifier: MIT */
/* Limits of handshakes: what they say, and the tables that they want. */
#include "config/config_support.h"

#define TAIL "netns a; server { listen 80; return 204; }"

static bool has_table(const struct built *built, struct slice name)
{
    for (uint32_t i = 0; i < built->tenant.zone_count; i++) {
        if (slice_equal(built->tenant.zones[i].name, name))
            return true;
    }
    return false;
}

static void expect(const struct built *built, struct config_rate client, struct config_rate tenant)
{
    const struct config_tenant *model = &built->tenant;

    cr_expect_eq(model->client_handshakes.rate, client.rate);
    cr_expect_eq(model->client_handshakes.burst, client.burst);
    cr_expect_eq(model->tenant_handshakes.rate, tenant.rate);
    cr_expect_eq(model->tenant_handshakes.burst, tenant.burst);
    cr_expect_eq(has_table(built, CONFIG_CLIENT_HANDSHAKES), client.rate > 0);
    cr_expect_eq(has_table(built, CONFIG_TENANT_HANDSHAKES), tenant.rate > 0);
}

Test(handshakes, rates)
{
    static const struct {
        const char *text;
        struct config_rate client, tenant;
    } cases[] = {
        {TAIL, {0, 0}, {0, 0}},
        {"handshake_rate 20/s;\n" TAIL, {20000, 20000}, {0, 0}},
        {"handshake_rate 20/s burst=50;\n" TAIL, {20000, 50000}, {0, 0}},
        {"handshake_rate 20/s burst=0 per=client;\n" TAIL, {20000, 0}, {0, 0}},
        {"handshake_rate 30/m;\n" TAIL, {500, 30000}, {0, 0}},
        {"handshake_rate 1/m per=tenant;\n" TAIL, {0, 0}, {16, 1000}},
        {"handshake_rate 100000/s per=tenant burst=100000;\n" TAIL, {0, 0}, {100000000, 100000000}},
        {"handshake_rate 5/s; handshake_rate 9/s burst=1 per=tenant;\n" TAIL,
         {5000, 5000},
         {9000, 1000}},
        {"handshake_rate off;\n" TAIL, {0, 0}, {0, 0}},
    };

    for (unsigned i = 0; i < COUNT(cases); i++) {
        struct built built;

        build_good(&built, cases[i].text);
        expect(&built, cases[i].client, cases[i].tenant);
        free_tenant(&built);
    }
}

Test(handshakes, a_tenant_takes_the_place_of_defaults)
{
    static const char main_file[] = "tenants *; defaults { max_handshakes 7; handshake_rate 5/s;\n"
                                    "handshake_rate 9/s per=tenant; }";
    static const struct {
        const char *text;
        struct config_rate client, tenant;
        uint32_t most;
    } cases[] = {
        {TAIL, {5000, 5000}, {9000, 9000}, 7},
        {"max_handshakes 0; handshake_rate off; " TAIL, {0, 0}, {0, 0}, 0},
        {"max_handshakes 8; handshake_rate off per=client; " TAIL, {0, 0}, {9000, 9000}, 8},
        {"handshake_rate off per=tenant; " TAIL, {5000, 5000}, {0, 0}, 7},
        {"handshake_rate 6/s burst=2; " TAIL, {6000, 2000}, {9000, 9000}, 7},
    };

    for (unsigned i = 0; i < COUNT(cases); i++) {
        struct built built;

        build_both(&built, main_file, cases[i].text);
        expect(&built, cases[i].client, cases[i].tenant);
        cr_expect_eq(built.tenant.max_handshakes, cases[i].most);
        cr_expect_eq(has_table(&built, CONFIG_HANDSHAKES), cases[i].most > 0);
        free_tenant(&built);
    }
}

Test(handshakes, mistakes)
{
    static const struct said wrong[] = {
        {"handshake_rate;\n" TAIL, 1, 1, "handshake_rate"},
        {"handshake_rate 5;\n" TAIL, 1, 16, "takes N/s or N/m"},
        {"handshake_rate 0/s;\n" TAIL, 1, 16, "takes N/s or N/m"},
        {"handshake_rate /s;\n" TAIL, 1, 16, "takes N/s or N/m"},
        {"handshake_rate -1/s;\n" TAIL, 1, 16, "takes N/s or N/m"},
        {"handshake_rate 5r/s;\n" TAIL, 1, 16, "takes N/s or N/m"},
        {"handshake_rate 100001/s;\n" TAIL, 1, 16, "at most 100000"},
        {"handshake_rate 99999999999999999999/s;\n" TAIL, 1, 16, "at most 100000"},
        {"handshake_rate 5/s burst=x;\n" TAIL, 1, 20, "takes N/s or N/m"},
        {"handshake_rate 5/s burst=100001;\n" TAIL, 1, 20, "at most 100000"},
        {"handshake_rate 5/s per=server;\n" TAIL, 1, 20, "per=client or per=tenant"},
        {"handshake_rate 5/s nodelay;\n" TAIL, 1, 20, "takes N/s or N/m"},
        {"handshake_rate off burst=5;\n" TAIL, 1, 20, "takes N/s or N/m"},
        {"handshake_rate 5/s per=client per=tenant;\n" TAIL, 1, 31, "takes N/s or N/m"},
        {"handshake_rate 5/s burst=1 burst=2;\n" TAIL, 1, 28, "takes N/s or N/m"},
        {"handshake_rate 5/s;\nhandshake_rate 6/s;\n" TAIL, 2, 1, "is a duplicate"},
        {"handshake_rate 5/s;\nhandshake_rate off;\n" TAIL, 2, 1, "is a duplicate"},
        {"max_handshakes -1;\n" TAIL, 1, 16, "takes a number"},
        {"max_handshakes 1000001;\n" TAIL, 1, 16, "from 0 to 1000000"},
    };

    expect_errors(wrong, COUNT(wrong));
}
