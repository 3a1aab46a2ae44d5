/* SPDX-License-Identifier: MIT */
/* The registry of tenants. */
#include "reload/record.h"

#include "base/memory.h"
#include "ipc/body.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void record_clear_plan(struct record *record)
{
    tenant_sockets_clear(&record->sockets);
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
    record->assignment.name = record->name;
    record->assignment.slot = slot;
    cells_init(&record->cells);
    tenant_sockets_init(&record->sockets, record->name, &record->plan);
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
    residents_leave(&registry->residents, &record->sockets.resident);
    tenant_sockets_free(&record->sockets);
    registry->slots[record->assignment.slot / 8] &=
        (unsigned char)~(1u << (record->assignment.slot % 8));
    plan_free(&record->plan);
    free(record->certificates);
    cells_free(&record->cells);
    free(record->logs.list);
    retry_forget(record);
    free(record->names_trouble);
    free(record->error);
    free(record->name);
    free(record->file);
    memory_wipe_free(record, sizeof(*record));
}

void registry_free(struct registry *registry)
{
    REGISTRY_FOREACH (record, registry) {
        claims_release(&registry->claims, &record->sockets, &record->plan, NULL);
        registry_remove(registry, record);
    }
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

/* ---- for the next binary ---- */

static void record_put(struct wire_writer *writer, const struct record *record)
{
    wire_put_slice(writer, slice_of(record->name));
    wire_put_slice(writer, slice_of(record->file));
    wire_put_u32(writer, record->assignment.slot);
    wire_put_slice(writer, (struct slice){(const char *)record->tickets.keys,
                                          (size_t)record->tickets.count * TLS_TICKET_KEY});
    ipc_put_cells(writer, &record->cells);
    wire_put_descriptor(writer, record->cells.fd);
    for (unsigned half = 0; half < TALLY_HALVES; half++)
        wire_put_u64(writer, record->sockets.served[half]);
    wire_put_bool(writer, record->is_refused);
    wire_put_bool(writer, record->awaits_names);
    wire_put_text(writer, record->names_trouble);
    retry_put(writer, record);
    wire_put_u64(writer, record->version);
    wire_put_u64(writer, resident_where(&record->sockets.resident).device);
    wire_put_u64(writer, resident_where(&record->sockets.resident).inode);
    wire_put_text(writer, record->sockets.trouble);
    wire_put_text(writer, record->error);
    wire_put_bool(writer, record_is_in_force(record));
    if (!record_is_in_force(record))
        return;
    plan_put(writer, &record->plan);
    tenant_sockets_put(writer, &record->sockets);
}

void registry_put(struct wire_writer *writer, const struct registry *registry)
{
    wire_put_u32(writer, HASH_COUNT(registry->records));
    REGISTRY_FOREACH (record, registry)
        record_put(writer, record);
}

/* The least bytes that a record takes. */
#define RECORD_MIN                                                                                 \
    (4 + 4 + 4 + 4 + 4 + 4 + 8 * TALLY_HALVES + 1 + 1 + 1 + 6 + 8 + 8 + 8 + 1 + 1 + 1)

static void record_get_tickets(struct wire_reader *reader, struct tls_ticket_keys *tickets)
{
    struct slice keys = wire_get_slice(reader);

    if (keys.len == 0 || keys.len > sizeof(tickets->keys) || keys.len % TLS_TICKET_KEY != 0) {
        reader->failed = true;
        return;
    }
    memcpy(tickets->keys, keys.data, keys.len);
    tickets->count = (unsigned)(keys.len / TLS_TICKET_KEY);
}

static void record_get_cells(struct wire_reader *reader, struct cells *cells)
{
    ipc_get_cells(reader, cells);
    cells->fd = wire_get_descriptor(reader);
    wire_require(reader, (cells->fd >= 0) == (cells->count > 0));
    if (reader->failed)
        cells->fd = -1;
}

static void record_claim(struct registry *registry, struct record *record)
{
    if (record->plan.netns.kind != NETNS_HOST)
        return;
    for (uint32_t i = 0; i < record->plan.listener_count; i++)
        claims_take(&registry->claims, slice_of(record->plan.listeners[i].text), &record->sockets);
}

static void record_get(struct wire_reader *reader, struct registry *registry)
{
    struct slice name = wire_get_plain(reader);
    struct slice file = wire_get_plain(reader);
    uint32_t slot = wire_get_u32(reader);
    struct record *record = NULL;
    struct netns_id netns = {0};

    if (config_tenant_name_is_valid(name))
        record = registry_restore(registry, name, file, slot);
    if (!record) {
        reader->failed = true;
        return;
    }
    record_get_tickets(reader, &record->tickets);
    record_get_cells(reader, &record->cells);
    for (unsigned half = 0; half < TALLY_HALVES; half++)
        record->sockets.served[half] = wire_get_u64(reader);
    record->is_refused = wire_get_bool(reader);
    record->awaits_names = wire_get_bool(reader);
    record->names_trouble = wire_get_text(reader);
    retry_get(reader, &record->retry);
    record->version = wire_get_u64(reader);
    netns.device = wire_get_u64(reader);
    netns.inode = wire_get_u64(reader);
    if (netns.inode != 0)
        residents_enter(&registry->residents, &record->sockets.resident, netns);
    record->sockets.trouble = wire_get_text(reader);
    record->error = wire_get_text(reader);
    if (!wire_get_bool(reader))
        return;
    plan_get(reader, &record->plan);
    tenant_sockets_fill(&record->sockets);
    tenant_sockets_get(reader, &record->sockets);
    if (!reader->failed)
        record_claim(registry, record);
}

void registry_get(struct wire_reader *reader, struct registry *registry)
{
    uint32_t count = wire_get_count(reader, RECORD_MIN);

    for (uint32_t i = 0; i < count && !reader->failed; i++)
        record_get(reader, registry);
}

void registry_each_descriptor(struct registry *registry, void (*act)(int *fd, void *context),
                              void *context)
{
    REGISTRY_FOREACH (record, registry) {
        if (record->cells.fd >= 0)
            act(&record->cells.fd, context);
        LISTENERS_FOREACH (listener, &record->sockets) {
            if (listener->fd >= 0)
                act(&listener->fd, context);
        }
    }
}
