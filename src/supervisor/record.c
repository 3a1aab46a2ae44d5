/* SPDX-License-Identifier: MIT */
/* The registry of tenants. */
#include "record_internal.h"

#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void record_clear_plan(struct record *record)
{
    tenant_sockets_free(&record->sockets);
    plan_free(&record->plan);
}

/* getrandom(2) of at most 256 bytes neither blocks nor comes short once the pool is ready. */
void record_random(void *data, size_t size)
{
    while (getrandom(data, size, 0) != (ssize_t)size) {
        if (errno != EINTR)
            abort(); /* without randomness there are no keys to serve with */
    }
}

void record_rotate_tickets(struct record *record)
{
    struct tls_ticket_keys *tickets = &record->tickets;

    if (tickets->count > 0)
        memcpy(tickets->keys[1], tickets->keys[0], TLS_TICKET_KEY);
    record_random(tickets->keys[0], TLS_TICKET_KEY);
    if (tickets->count < 2)
        tickets->count++;
}

static bool registry_slot_is_taken(const struct registry *registry, uint32_t slot)
{
    return (registry->slots[slot / 8] >> (slot % 8) & 1) != 0;
}

/* The first free slot; one whose last tenant still has connections is only the second choice,
 * since they would count for the new one until they end. */
static int registry_choose_slot(const struct registry *registry, const struct tally *tally,
                                uint32_t *slot)
{
    uint32_t choice = TALLY_TENANTS;

    for (uint32_t i = 0; i < TALLY_TENANTS; i++) {
        if (registry_slot_is_taken(registry, i))
            continue;
        if (!tally || tally_total(tally, i) == 0) {
            choice = i;
            break;
        }
        if (choice == TALLY_TENANTS)
            choice = i;
    }
    if (choice == TALLY_TENANTS)
        return -1;
    *slot = choice;
    return 0;
}

static void registry_set_slot(struct registry *registry, uint32_t slot)
{
    registry->slots[slot / 8] |= (unsigned char)(1u << (slot % 8));
}

struct record *registry_find(const struct registry *registry, struct slice name)
{
    struct record *record = NULL;

    HASH_FIND(hh, registry->records, name.data, name.len, record);
    return record;
}

static struct record *registry_insert(struct registry *registry, struct slice name,
                                      struct slice file, uint32_t slot)
{
    struct record *record = memory_zeroed(1, sizeof(*record));

    record->name = memory_slice_text(name);
    record->file = memory_slice_text(file);
    record->slot = slot;
    record->resident.name = record->name;
    registry_set_slot(registry, slot);
    HASH_ADD_KEYPTR(hh, registry->records, record->name, name.len, record);
    return record;
}

struct record *registry_add(struct registry *registry, struct slice name, const char *file,
                            const struct tally *tally)
{
    struct record *record;
    uint32_t slot;

    if (registry_choose_slot(registry, tally, &slot) < 0)
        return NULL;
    record = registry_insert(registry, name, slice_of(file), slot);
    record_rotate_tickets(record);
    return record;
}

struct record *registry_restore(struct registry *registry, struct slice name, struct slice file,
                                uint32_t slot)
{
    if (slot >= TALLY_TENANTS || registry_slot_is_taken(registry, slot) ||
        registry_find(registry, name))
        return NULL;
    return registry_insert(registry, name, file, slot);
}

void registry_remove(struct registry *registry, struct record *record)
{
    HASH_DEL(registry->records, record);
    residents_leave(&registry->residents, &record->resident);
    namespace_release(&record->netns);
    registry->slots[record->slot / 8] &= (unsigned char)~(1u << (record->slot % 8));
    record_clear_plan(record);
    again_forget(record);
    free(record->netns_trouble);
    free(record->names_trouble);
    free(record->error);
    free(record->name);
    free(record->file);
    memory_wipe_free(record, sizeof(*record));
}

void record_set_error(struct record *record, const char *error)
{
    free(record->error);
    record->error = error ? memory_text(error) : NULL;
}

void record_set_names_trouble(struct record *record, const char *trouble)
{
    free(record->names_trouble);
    record->names_trouble = trouble ? memory_text(trouble) : NULL;
}

void record_set_file(struct record *record, const char *file)
{
    if (strcmp(record->file, file) == 0)
        return;
    free(record->file);
    record->file = memory_text(file);
}
