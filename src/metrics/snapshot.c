/* SPDX-License-Identifier: MIT */
/* All files summed at one moment. */
#include "metrics/reader.h"

#include "source_internal.h"

#include "base/arena.h"
#include "base/container_of.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that are taken at a time. */
#define BLOCK_OF_ALL (1024 * 1024)
#define BLOCK_OF_ONE (16 * 1024)

struct metrics_reader {
    struct metrics_source sources[METRICS_SOURCES];
};

struct snapshot {
    struct metrics_snapshot is;
    struct arena arena;
    struct arena scratch;             /* what each worker has of parts, until they are merged */
    uint32_t places[METRICS_TENANTS]; /* by slot of the board: behind the tenant's index; 0: none */
    uint32_t room;                    /* for parts, until they are merged */
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

static uint64_t *copy_cells(struct arena *arena, enum metric_scope scope, const uint64_t *from)
{
    size_t size = metric_scope_cells[scope] * sizeof(*from);

    return memcpy(arena_alloc(arena, size), from, size);
}

/* ---- tenants ---- */

static struct slice next_text(const char **from, const char *end)
{
    struct slice text = {*from, strnlen(*from, (size_t)(end - *from))};

    *from += text.len + (*from + text.len < end);
    return text;
}

/* Name, namespace and error, in the board itself. */
static struct slice find_text(const struct metrics_source *board, uint32_t slot)
{
    const struct metrics_region *region = &board->regions[METRIC_SCOPE_TENANT];
    uint64_t outside = board->long_text + slot * (uint64_t)METRICS_LONG_TEXT;
    const char *from = metrics_slot_text(region, metrics_slot(board->memory, region, slot));
    size_t size = region->text;

    if (size < METRICS_BOARD_COLUMNS)
        return SLICE("");
    from += METRICS_BOARD_COLUMNS;
    size -= METRICS_BOARD_COLUMNS;
    if (size > 1 && from[0] == '\0' && from[1] != '\0' &&
        outside + METRICS_LONG_TEXT <= board->size) {
        from = board->memory + outside;
        size = METRICS_LONG_TEXT;
    }
    return (struct slice){from, size};
}

static bool is_wanted(struct slice text, struct slice wanted)
{
    struct slice name = next_text(&text.data, text.data + text.len);

    return name.len > 0 && (wanted.len == 0 || slice_equal(wanted, name));
}

static void copy_text(struct arena *arena, struct slice text, struct metrics_text *to)
{
    const char *from = arena_slice(arena, text).data, *end = from + text.len;

    to->name = next_text(&from, end);
    to->netns = next_text(&from, end);
    to->error = next_text(&from, end);
}

static void read_tenants(struct snapshot *snapshot, struct metrics_source *board,
                         struct slice wanted)
{
    uint32_t used = source_used(board, METRIC_SCOPE_TENANT);
    uint32_t room = wanted.len > 0 ? 1 : used;
    struct metrics_reading reading;

    snapshot->is.tenants = ARENA_ARRAY(&snapshot->arena, struct metrics_tenant, room);
    for (uint32_t i = 0; i < used && snapshot->is.tenant_count < room; i++) {
        struct metrics_tenant *tenant = &snapshot->is.tenants[snapshot->is.tenant_count];
        struct slice text = find_text(board, i);

        if (!is_wanted(text, wanted) || !source_read(board, METRIC_SCOPE_TENANT, i, &reading))
            continue;
        tenant->owner = reading.owner;
        copy_text(&snapshot->arena, text, &tenant->text);
        tenant->cells = copy_cells(&snapshot->arena, METRIC_SCOPE_TENANT, reading.cells);
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

static void copy_part(struct arena *arena, struct metrics_part *to, const struct metrics_part *from)
{
    *to = *from;
    to->name = arena_slice(arena, (struct slice){from->name, METRICS_NAME}).data;
    to->cells = copy_cells(arena, from->scope, from->cells);
}

static int compare_parts(const void *left, const void *right)
{
    const struct metrics_part *a = left, *b = right;

    if (a->scope != b->scope)
        return a->scope < b->scope ? -1 : 1;
    if (a->tenant != b->tenant)
        return a->tenant < b->tenant ? -1 : 1;
    return memcmp(a->name, b->name, METRICS_NAME);
}

/* Those of several workers are one, and are all that is kept. What a dead worker has counted stays
 * out until a living one has that listener or endpoint too: it may be gone from the configuration.
 */
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
    snapshot->is.parts = ARENA_ARRAY(&snapshot->arena, struct metrics_part, count);
    for (uint32_t i = 0; i < count; i++)
        copy_part(&snapshot->arena, &snapshot->is.parts[i], &parts[i]);
    free(parts);
    arena_free(&snapshot->scratch);
}

static void add_part(struct snapshot *snapshot, const struct metrics_part *part)
{
    struct metrics_snapshot *is = &snapshot->is;

    if (is->part_count == snapshot->room) {
        snapshot->room = 2 * snapshot->room + 64;
        is->parts = memory_resize(is->parts, snapshot->room * sizeof(*part));
    }
    copy_part(&snapshot->scratch, &is->parts[is->part_count++], part);
}

/* ---- all of a file ---- */

/* What is nobody's, or not the column's to count, is not read: it may be all of a file. */
static void read_slots(struct snapshot *snapshot, struct metrics_reader *reader, uint32_t column,
                       enum metric_scope scope)
{
    struct metrics_source *source = &reader->sources[column];
    const struct metrics_source *board = &reader->sources[METRICS_SOURCE_BOARD];
    uint32_t used = source_used(source, scope);
    struct metrics_reading reading;

    for (uint32_t i = 0; i < used; i++) {
        uint64_t owner = source_owner(source, scope, i);
        struct metrics_tenant *tenant = find_tenant(snapshot, board, owner, column);

        if (!tenant || !source_read(source, scope, i, &reading) || reading.owner != owner)
            continue;
        if (scope == METRIC_SCOPE_TENANT)
            metrics_sum(scope, tenant->cells, reading.cells);
        else
            add_part(snapshot,
                     &(struct metrics_part){.tenant = (uint32_t)(tenant - snapshot->is.tenants),
                                            .scope = scope,
                                            .name = reading.name,
                                            .cells = reading.cells,
                                            .is_live = column != METRICS_SOURCE_BOARD ||
                                                       scope == METRIC_SCOPE_CERTIFICATE});
    }
}

static void read_process(struct snapshot *snapshot, struct metrics_source *source, uint32_t column)
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
            snapshot->is.workers[index] =
                ARENA_ARRAY(&snapshot->arena, uint64_t, metric_scope_cells[METRIC_SCOPE_WORKER]);
        metrics_sum(METRIC_SCOPE_WORKER, snapshot->is.workers[index], reading.cells);
    }
}

static void read_all(struct snapshot *snapshot, struct metrics_reader *reader, struct slice tenant)
{
    snapshot->is.gateway =
        ARENA_ARRAY(&snapshot->arena, uint64_t, metric_scope_cells[METRIC_SCOPE_GATEWAY]);
    for (uint32_t i = 0; i < METRICS_SOURCES; i++)
        reader->sources[i].patience = METRICS_PATIENCE;
    read_tenants(snapshot, &reader->sources[METRICS_SOURCE_BOARD], tenant);
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
    const char *board = reader->sources[METRICS_SOURCE_BOARD].memory;
    uint64_t before = board ? atomic_load(&metrics_header(board)->epoch) : 1;
    size_t block = tenant.len > 0 ? BLOCK_OF_ONE : BLOCK_OF_ALL;
    struct snapshot *snapshot;

    if (before % 2 != 0)
        return NULL;
    snapshot = memory_zeroed(1, sizeof(*snapshot));
    arena_init(&snapshot->arena, block);
    arena_init(&snapshot->scratch, block);
    read_all(snapshot, reader, tenant);
    snapshot->is.size = sizeof(*snapshot) + arena_footprint(&snapshot->arena);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load(&metrics_header(board)->epoch) == before)
        return &snapshot->is;
    metrics_snapshot_free(&snapshot->is);
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
