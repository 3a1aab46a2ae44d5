/* SPDX-License-Identifier: MIT */
/* Who lives in which namespace. */
#include "residences_internal.h"

#include "base/memory.h"

#include <stdlib.h>

struct residence *residence_find(const struct registry *registry, struct netns_id id)
{
    struct residence *residence = NULL;

    HASH_FIND(hh, registry->residences, &id, sizeof(id), residence);
    return residence;
}

struct record *residence_other(const struct registry *registry, struct netns_id id,
                               const struct record *record)
{
    const struct residence *residence = residence_find(registry, id);
    struct record *other = residence ? LIST_FIRST(&residence->records) : NULL;

    return other == record && other ? LIST_NEXT(other, neighbours) : other;
}

void residence_enter(struct registry *registry, struct record *record, struct netns_id id)
{
    struct residence *residence;

    if (record->residence && netns_id_equal(record->residence->id, id))
        return;
    residence_leave(registry, record);
    residence = residence_find(registry, id);
    if (!residence) {
        residence = memory_zeroed(1, sizeof(*residence));
        residence->id = id;
        LIST_INIT(&residence->records);
        HASH_ADD(hh, registry->residences, id, sizeof(residence->id), residence);
    }
    LIST_INSERT_HEAD(&residence->records, record, neighbours);
    record->residence = residence;
}

void residence_leave(struct registry *registry, struct record *record)
{
    struct residence *residence = record->residence;

    if (!residence)
        return;
    LIST_REMOVE(record, neighbours);
    record->residence = NULL;
    if (!LIST_EMPTY(&residence->records))
        return;
    HASH_DEL(registry->residences, residence);
    free(residence);
}
