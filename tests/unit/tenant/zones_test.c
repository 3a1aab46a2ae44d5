/* SPDX-License-Identifier: MIT */
/* A tenant's zones and the tables that lie behind them. */
#include "tenant/rig.h"

#include <criterion/criterion.h>

static void a_key(void *data, size_t size)
{
    memset(data, 1, size);
}

Test(zones, tables_are_found_by_the_zones_name)
{
    const struct cells_want wants[] = {{CELLS_COUNTS, SLICE("conns $host"), 65536},
                                       {CELLS_RATES, SLICE("reqs $uri"), 65536}};
    struct cells cells;
    struct rig rig;

    rig_run(&rig, "netns acme; server { listen 1.1.1.1:80; return 204; }\n"
                  "limit_conn_zone $host zone=conns:64k;\n"
                  "limit_req_zone $uri zone=reqs:64k rate=1r/s;\n");
    cr_assert_null(tenant_counts(rig.tenant, SLICE("conns")));
    cells_init(&cells);
    cr_assert_eq(cells_fit(&cells, wants, 2, a_key), 0);
    tenant_set_cells(rig.tenant, cells_map_new(cells.fd, cells.regions, cells.count, 0));
    cr_assert_not_null(tenant_counts(rig.tenant, SLICE("conns")));
    cr_assert_not_null(tenant_rates(rig.tenant, SLICE("reqs")));
    cr_assert_null(tenant_rates(rig.tenant, SLICE("conns")));
    cr_assert_null(tenant_counts(rig.tenant, SLICE("none")));
    cr_assert_eq(rig.tenant->zones[0].config, &rig.tenant->config.zones[0]);
    cells_free(&cells);
    rig_free(&rig);
}
