/* SPDX-License-Identifier: MIT */
/* How much a reload would remove. */
#include "removal_internal.h"

/* Refused ones are nothing that a reload could remove. */
static bool removal_counts(const struct record *record)
{
    return record_is_in_force(record) || record->awaits_names;
}

struct removal removal_of(struct registry *registry, const struct tenant_files *files)
{
    struct removal removal = {0};

    REGISTRY_FOREACH (record, registry) {
        record->is_named = false;
        removal.total += removal_counts(record);
    }
    removal.removed = removal.total;
    for (size_t i = 0; i < files->count; i++) {
        struct record *named = registry_find(registry, files->items[i].name);

        if (!named || !removal_counts(named) || named->is_named)
            continue; /* two patterns may name it */
        named->is_named = true;
        removal.removed--;
    }
    return removal;
}

bool removal_is_too_much(const struct removal *removal)
{
    if (removal->removed == 0)
        return false;
    return removal->removed == removal->total ||
           (removal->total >= REMOVAL_MANY && removal->removed > removal->total / 2);
}
