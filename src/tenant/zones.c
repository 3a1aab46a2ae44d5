/* SPDX-License-Identifier: MIT */
/* The tables that a tenant's workers share, by the zones of its configuration. */
#include "tenant/tenant.h"

#include <assert.h>

void tenant_set_log_numbers(struct tenant *tenant, const uint32_t *numbers, uint32_t count)
{
    assert(count == tenant->config.log_destination_count);
    tenant->log_numbers = ARENA_ARRAY(&tenant->config.arena, uint32_t, count);
    for (uint32_t i = 0; i < count; i++)
        tenant->log_numbers[i] = numbers[i];
}

void tenant_set_cells(struct tenant *tenant, struct cells_map *cells)
{
    const struct config_tenant *config = &tenant->config;

    assert(!tenant->cells);
    tenant->cells = cells;
    tenant->zones = ARENA_ARRAY(&tenant->config.arena, struct tenant_zone, config->zone_count);
    for (uint32_t i = 0; i < config->zone_count; i++) {
        const struct config_zone *zone = &config->zones[i];

        tenant->zones[i].config = zone;
        if (zone->kind == ZONE_COUNTS)
            tenant->zones[i].counts = cells_map_counts(cells, zone->identity);
        else
            tenant->zones[i].rates = cells_map_rates(cells, zone->identity);
    }
}

struct cells_counts *tenant_zone_counts(const struct tenant *tenant, uint32_t zone)
{
    return tenant->zones ? tenant->zones[zone].counts : NULL;
}

struct cells_rates *tenant_zone_rates(const struct tenant *tenant, uint32_t zone)
{
    return tenant->zones ? tenant->zones[zone].rates : NULL;
}

/* The number of zones when there is none of that name. */
static uint32_t tenant_find_zone(const struct tenant *tenant, struct slice name)
{
    uint32_t i = 0;

    while (i < tenant->config.zone_count && !slice_equal(tenant->config.zones[i].name, name))
        i++;
    return i;
}

struct cells_counts *tenant_counts(const struct tenant *tenant, struct slice name)
{
    uint32_t zone = tenant_find_zone(tenant, name);

    return zone < tenant->config.zone_count ? tenant_zone_counts(tenant, zone) : NULL;
}

struct cells_rates *tenant_rates(const struct tenant *tenant, struct slice name)
{
    uint32_t zone = tenant_find_zone(tenant, name);

    return zone < tenant->config.zone_count ? tenant_zone_rates(tenant, zone) : NULL;
}
