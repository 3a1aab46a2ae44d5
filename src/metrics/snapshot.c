/* SPDX-License-Identifier: MIT */
/* All files summed at one moment. */
#include "metrics/reader.h"

#include "source_internal.h"

#include "base/arena.h"
#include "base/container_of.h"
#include "base/memory.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* How often the board may change while it is read. */
#define TRIES 1000

struct metrics_reader {
    struct metrics_source sources[METRICS_SOURCES];
};

struct snapshot {
    struct metrics_snapshot is;
    struct arena arena;
    uint32_t places[METRICS_TENANTS]; /* by slot of the board: behind the tenant's index; 0: none */
    uint32_t room;                    /* for parts */
    bool is_live[METRICS_WORKERS];
};

struct metrics_reader *metrics_reader_new(void)
{
    return memory_zeroed(1, sizeof(struct metrics_reader));
}

void metrics_reader_free(struct metrics_reader *reader)
{
    free(reader);
}

int metrics_reader_set(struct metrics_reader *reader, uint32_t source, const char *memory,
                       uint64_t size)
{
    return source_open(&reader->sources[source], memory, size);
}

static uint64_t *snapshot_cells(struct snapshot *snapshot, enum metric_scope scope)
{
    return ARENA_ARRAY(&snapshot->arena, uint64_t, metric_scope_cells[scope]);
}

/* ---- tenants ---- */

static struct slice next_text(const char **from, const char *end)
{
    struct slice text = {*from, strnlen(*from, (size_t)(end - *from))};

    *from += text.len + (*from + text.len < end);
    return text;
}

static void read_text(const struct metrics_source *board, uint32_t slot, struct arena *arena,
                      struct metrics_text *text)
{
    const struct metrics_region *region = &board->regions[METRIC_SCOPE_TENANT];
    uint64_t outside = board->long_text + slot * (uint64_t)METRICS_LONG_TEXT;
    const char *from = metrics_slot_text(region, metrics_slot(board->memory, region, slot));
    size_t size = region->text;

    if (size < METRICS_BOARD_COLUMNS)
        return;
    from += METRICS_BOARD_COLUMNS;
    size -= METRICS_BOARD_COLUMNS;
    if (size > 1 && from[0] == '\0' && from[1] != '\0' &&
        outside + METRICS_LONG_TEXT <= board->size) {
        from = board->memory + outside;
        size = METRICS_LONG_TEXT;
    }
    from = arena_slice(arena, (struct slice){from, size}).data;
    *text = (struct metrics_text){.name = next_text(&from, from + size)};
    text->netns = next_text(&from, text->name.data + size);
    text->error = next_text(&from, text->name.data + size);
}

static void read_tenants(struct snapshot *snapshot, const struct metrics_source *board,
                         struct slice wanted)
{
    uint32_t used = source_used(board, METRIC_SCOPE_TENANT);
    struct metrics_reading reading;

    snapshot->is.tenants = ARENA_ARRAY(&snapshot->arena, struct metrics_tenant, used);
    for (uint32_t i = 0; i < used; i++) {
        struct metrics_tenant *tenant = &snapshot->is.tenants[snapshot->is.tenant_count];

        *tenant = (struct metrics_tenant){0};
        if (!source_read(board, METRIC_SCOPE_TENANT, i, &reading))
            continue;
        read_text(board, i, &snapshot->arena, &tenant->text);
        if (tenant->text.name.len == 0 ||
            (wanted.len > 0 && !slice_equal(wanted, tenant->text.name)))
            continue;
        tenant->owner = reading.owner;
        tenant->cells = snapshot_cells(snapshot, METRIC_SCOPE_TENANT);
        metrics_sum(METRIC_SCOPE_TENANT, tenant->cells, reading.cells);
        snapshot->places[i % METRICS_TENANTS] = ++snapshot->is.tenant_count;
    }
}

/* NULL: it is none that is wanted, or not the column's to count. */
static struct metrics_tenant *find_tenant(const struct snapshot *snapshot,
                                          const struct metrics_source *board, uint64_t owner,
                                          uint32_t column)
{
    const struct metrics_region *region = &board->regions[METRIC_SCOPE_TENANT];
    uint32_t slot = (uint32_t)(owner % METRICS_TENANTS);
    uint32_t place = snapshot->places[slot];

    if (place == 0 || snapshot->is.tenants[place - 1].owner != owner)
        return NULL;
    if (column != METRICS_SOURCE_BOARD &&
        !metrics_board_lets(metrics_slot(board->memory, region, slot), region, column))
        return NULL;
    return &snapshot->is.tenants[place - 1];
}

/* ---- parts ---- */

static int compare_parts(const void *left, const void *right)
{
    const struct metrics_part *a = left, *b = right;

    if (a->scope != b->scope)
        return a->scope < b->scope ? -1 : 1;
    if (a->tenant != b->tenant)
        return a->tenant < b->tenant ? -1 : 1;
    return memcmp(a->name, b->name, METRICS_NAME);
}

/* Those of several workers are one. What a dead worker has counted stays out until a living one has
 * that listener or endpoint too: it may be gone from the configuration. */
static void merge_parts(struct snapshot *snapshot)
{
    struct metrics_part *parts = snapshot->is.parts;
    uint32_t count = 0, end;

    if (snapshot->is.part_count > 1)
        qsort(parts, snapshot->is.part_count, sizeof(parts[0]), compare_parts);
    for (uint32_t i = 0; i < snapshot->is.part_count; i = end) {
        struct metrics_part sum = parts[i];

        for (end = i + 1;
             end < snapshot->is.part_count && compare_parts(&parts[i], &parts[end]) == 0; end++) {
            metrics_sum(sum.scope, sum.cells, parts[end].cells);
            sum.is_live = sum.is_live || parts[end].is_live;
        }
        if (sum.is_live)
            parts[count++] = sum;
    }
    snapshot->is.part_count = count;
}

static void add_part(struct snapshot *snapshot, enum metric_scope scope,
                     const struct metrics_tenant *tenant, const struct metrics_reading *reading,
                     bool is_live)
{
    struct slice name = {reading->name, METRICS_NAME};
    struct metrics_part *part;

    if (snapshot->is.part_count == snapshot->room) /* more have come since they were counted */
        return;
    part = &snapshot->is.parts[snapshot->is.part_count++];
    *part = (struct metrics_part){.tenant = (uint32_t)(tenant - snapshot->is.tenants),
                                  .scope = scope,
                                  .name = arena_slice(&snapshot->arena, name).data,
                                  .cells = snapshot_cells(snapshot, scope),
                                  .is_live = is_live};
    metrics_sum(scope, part->cells, reading->cells);
}

/* ---- all of a file ---- */

static void read_slots(struct snapshot *snapshot, const struct metrics_reader *reader,
                       uint32_t column, enum metric_scope scope)
{
    const struct metrics_source *source = &reader->sources[column];
    const struct metrics_source *board = &reader->sources[METRICS_SOURCE_BOARD];
    uint32_t used = source_used(source, scope);
    struct metrics_reading reading;

    for (uint32_t i = 0; i < used; i++) {
        struct metrics_tenant *tenant;

        if (!source_read(source, scope, i, &reading))
            continue;
        tenant = find_tenant(snapshot, board, reading.owner, column);
        if (tenant && scope == METRIC_SCOPE_TENANT)
            metrics_sum(scope, tenant->cells, reading.cells);
        else if (tenant)
            add_part(snapshot, scope, tenant, &reading,
                     column != METRICS_SOURCE_BOARD || scope == METRIC_SCOPE_CERTIFICATE);
    }
}

static void read_process(struct snapshot *snapshot, const struct metrics_source *source,
                         uint32_t column)
{
    struct metrics_reading reading;

    if (source_used(source, METRIC_SCOPE_GATEWAY) > 0 &&
        source_read(source, METRIC_SCOPE_GATEWAY, 0, &reading))
        metrics_sum(METRIC_SCOPE_GATEWAY, snapshot->is.gateway, reading.cells);
    for (uint32_t i = 0; i < source_used(source, METRIC_SCOPE_WORKER); i++) {
        uint32_t index = column == METRICS_SOURCE_BOARD ? i : column % METRICS_WORKERS;

        if (!source_read(source, METRIC_SCOPE_WORKER, i, &reading))
            continue;
        snapshot->is_live[index] = snapshot->is_live[index] || column != METRICS_SOURCE_BOARD;
        if (!snapshot->is.workers[index])
            snapshot->is.workers[index] = snapshot_cells(snapshot, METRIC_SCOPE_WORKER);
        metrics_sum(METRIC_SCOPE_WORKER, snapshot->is.workers[index], reading.cells);
    }
}

static uint32_t count_parts(const struct metrics_reader *reader)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < METRICS_SOURCES; i++) {
        for (unsigned scope = METRIC_SCOPE_LISTENER; scope < METRIC_SCOPES; scope++) {
            if (reader->sources[i].memory)
                count += source_used(&reader->sources[i], (enum metric_scope)scope);
        }
    }
    return count;
}

static void read_all(struct snapshot *snapshot, const struct metrics_reader *reader,
                     struct slice tenant)
{
    snapshot->is.gateway = snapshot_cells(snapshot, METRIC_SCOPE_GATEWAY);
    read_tenants(snapshot, &reader->sources[METRICS_SOURCE_BOARD], tenant);
    snapshot->room = count_parts(reader);
    snapshot->is.parts = ARENA_ARRAY(&snapshot->arena, struct metrics_part, snapshot->room);
    for (uint32_t i = 0; i < METRICS_SOURCES; i++) {
        if (!reader->sources[i].memory)
            continue;
        read_process(snapshot, &reader->sources[i], i);
        for (unsigned scope = METRIC_SCOPE_TENANT; scope < METRIC_SCOPES; scope++) {
            if (scope != METRIC_SCOPE_TENANT || i != METRICS_SOURCE_BOARD)
                read_slots(snapshot, reader, i, (enum metric_scope)scope);
        }
    }
    merge_parts(snapshot);
    for (uint32_t i = 0; i < METRICS_WORKERS; i++) {
        if (!snapshot->is_live[i])
            snapshot->is.workers[i] = NULL;
    }
}

/* ---- at one moment ---- */

struct metrics_snapshot *metrics_snapshot_new(struct metrics_reader *reader, struct slice tenant)
{
    const struct metrics_source *board = &reader->sources[METRICS_SOURCE_BOARD];

    for (unsigned i = 0; board->memory && i < TRIES; i++) {
        _Atomic uint64_t *epoch = &metrics_header(board->memory)->epoch;
        uint64_t before = atomic_load(epoch);
        struct snapshot *snapshot;

        if (before % 2 != 0) {
            sched_yield();
            continue;
        }
        snapshot = memory_zeroed(1, sizeof(*snapshot));
        arena_init(&snapshot->arena, 1024 * 1024);
        read_all(snapshot, reader, tenant);
        atomic_thread_fence(memory_order_acquire);
        if (atomic_load(epoch) == before)
            return &snapshot->is;
        metrics_snapshot_free(&snapshot->is);
    }
    return NULL;
}

const struct metrics_tenant *metrics_snapshot_find(const struct metrics_snapshot *snapshot,
                                                   uint32_t slot)
{
    const struct snapshot *all = CONTAINER_OF(snapshot, struct snapshot, is);
    uint32_t place = all->places[slot % METRICS_TENANTS];

    return place > 0 ? &snapshot->tenants[place - 1] : NULL;
}

void metrics_snapshot_free(struct metrics_snapshot *snapshot)
{
    struct snapshot *all;

    if (!snapshot)
        return;
    all = CONTAINER_OF(snapshot, struct snapshot, is);
    arena_free(&all->arena);
    free(all);
}
