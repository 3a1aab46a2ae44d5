/* SPDX-License-Identifier: MIT */
/* Who lives in which namespace. */
#include "namespaces/residents.h"

#include "base/memory.h"

#include <stdlib.h>

struct residence *residents_find(const struct residents *residents, struct netns_id id)
{
    struct residence *residence = NULL;

    HASH_FIND(hh, residents->residences, &id, sizeof(id), residence);
    return residence;
}

struct resident *residents_other(const struct residents *residents, struct netns_id id,
                                 const struct resident *resident)
{
    const struct residence *residence = residents_find(residents, id);
    struct resident *other = residence ? LIST_FIRST(&residence->residents) : NULL;

    return other == resident && other ? LIST_NEXT(other, next) : other;
}

void residents_enter(struct residents *residents, struct resident *resident, struct netns_id id)
{
    struct residence *residence;

    if (resident_is_in(resident, id))
        return;
    residents_leave(residents, resident);
    residence = residents_find(residents, id);
    if (!residence) {
        residence = memory_zeroed(1, sizeof(*residence));
        residence->id = id;
        LIST_INIT(&residence->residents);
        HASH_ADD(hh, residents->residences, id, sizeof(residence->id), residence);
    }
    LIST_INSERT_HEAD(&residence->residents, resident, next);
    resident->residence = residence;
}

void residents_leave(struct residents *residents, struct resident *resident)
{
    struct residence *residence = resident->residence;

    if (!residence)
        return;
    LIST_REMOVE(resident, next);
    resident->residence = NULL;
    if (!LIST_EMPTY(&residence->residents))
        return;
    HASH_DEL(residents->residences, residence);
    free(residence);
}
