/* SPDX-License-Identifier: MIT */
/* Files of cells, by who writes them. */
#include "file_internal.h"

#include <stdio.h>
#include <string.h>

#define PAGE UINT64_C(4096)

/* What every number of a tenant has in common with its slot of the board. */
#define SLOT_OF(owner) ((uint32_t)((owner) % METRICS_TENANTS))

static const struct {
    uint32_t slots, text;
} shapes[2][METRIC_SCOPES] = {
    [METRICS_OF_WORKER] = {[METRIC_SCOPE_GATEWAY] = {1, 0},
                           [METRIC_SCOPE_WORKER] = {1, 0},
                           [METRIC_SCOPE_TENANT] = {METRICS_TENANTS, 0},
                           [METRIC_SCOPE_LISTENER] = {METRICS_TENANTS, METRICS_NAME},
                           [METRIC_SCOPE_ENDPOINT] = {4 * METRICS_TENANTS, METRICS_NAME}},
    [METRICS_BOARD] = {[METRIC_SCOPE_GATEWAY] = {1, 0},
                       [METRIC_SCOPE_WORKER] = {METRICS_WORKERS, 0},
                       [METRIC_SCOPE_TENANT] = {METRICS_TENANTS,
                                                METRICS_BOARD_COLUMNS + METRICS_TENANT_TEXT},
                       [METRIC_SCOPE_LISTENER] = {METRICS_TENANTS, METRICS_NAME},
                       [METRIC_SCOPE_ENDPOINT] = {4 * METRICS_TENANTS, METRICS_NAME},
                       [METRIC_SCOPE_CERTIFICATE] = {4 * METRICS_TENANTS, METRICS_NAME}},
};

/* ---- layout ---- */

static uint64_t pages(uint64_t bytes)
{
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

/* FNV-1a */
static uint64_t hash(uint64_t seed, const char *text)
{
    for (; *text; text++)
        seed = (seed ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (seed ^ 0xff) * UINT64_C(0x100000001b3);
}

/* By its labels; a histogram's by its bounds, so that another's are not taken for them. */
static uint64_t cell_id(const struct metric_row *row, uint32_t cell)
{
    const struct metric_labels *labels = &metric_sets[row->set];
    uint64_t id = hash(UINT64_C(0xcbf29ce484222325), row->name);
    const uint64_t *bounds;
    char text[32];
    uint32_t count;

    if (row->kind != METRIC_HISTOGRAM) {
        if (labels->keys[1])
            id = hash(id, labels->values[1][cell % labels->counts[1]]);
        if (labels->keys[0])
            id = hash(id, labels->values[0][labels->keys[1] ? cell / labels->counts[1] : cell]);
        return id;
    }
    bounds = metric_bounds(&count);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)bounds[i]);
        id = hash(id, text);
    }
    snprintf(text, sizeof(text), "%u", cell);
    return hash(id, text);
}

void metrics_ids(enum metric_scope scope, uint32_t *ids)
{
    for (unsigned metric = 0; metric < METRIC_ROWS; metric++) {
        if (metrics_places[metric].scope != scope)
            continue;
        for (uint32_t cell = 0; cell < metric_rows[metric].cells; cell++)
            ids[metrics_places[metric].first + cell] =
                (uint32_t)(cell_id(&metric_rows[metric], cell) >> 32);
    }
}

/* Returns the file's size. */
static uint64_t lay_out(enum metrics_use use, struct metrics_header *header)
{
    uint64_t end = METRICS_DESCRIPTION, blocks = 0;
    uint32_t cells = 0;

    header->magic = METRICS_MAGIC;
    for (unsigned scope = 0; scope < METRIC_SCOPES; scope++) {
        struct metrics_region *region = &header->regions[scope];

        region->slots = shapes[use][scope].slots;
        region->text = shapes[use][scope].text;
        region->cells = metric_scope_cells[scope];
        region->offset = end;
        end += region->slots * metrics_slot_size(region);
        blocks += region->slots * (uint64_t)metrics_blocks(region->cells);
        assert(cells + region->cells <= METRICS_MOST_CELLS);
        metrics_ids((enum metric_scope)scope, header->ids + cells);
        cells += region->cells;
    }
    header->blocks = pages(end);
    header->block_count = (uint32_t)blocks;
    end = pages(header->blocks + blocks * METRICS_BLOCK);
    header->long_text = use == METRICS_BOARD ? end : 0;
    return end + (use == METRICS_BOARD ? METRICS_TENANTS * (uint64_t)METRICS_LONG_TEXT : 0);
}

uint64_t metrics_file_size(enum metrics_use use)
{
    struct metrics_header header = {0};

    return lay_out(use, &header);
}

uint64_t metrics_file_describe(enum metrics_use use, char *memory)
{
    struct metrics_header *header = metrics_header(memory);

    lay_out(use, header);
    return sizeof(*header);
}

bool metrics_header_is_ours(enum metrics_use use, const struct metrics_header *header)
{
    struct metrics_header ours = {0};

    lay_out(use, &ours);
    for (unsigned scope = 0; scope < METRIC_SCOPES; scope++) {
        const struct metrics_region *a = &ours.regions[scope], *b = &header->regions[scope];

        if (a->slots != b->slots || a->cells != b->cells || a->text != b->text ||
            a->offset != b->offset)
            return false;
    }
    return header->magic == ours.magic && header->long_text == ours.long_text &&
           header->blocks == ours.blocks && header->block_count == ours.block_count &&
           memcmp(header->ids, ours.ids, sizeof(ours.ids)) == 0;
}

int metrics_file_open(struct metrics_file *file, enum metrics_use use, char *memory)
{
    if (!metrics_header_is_ours(use, metrics_header(memory)))
        return -1;
    *file = (struct metrics_file){.memory = memory, .use = use, .has_left = use == METRICS_BOARD};
    return 0;
}

/* ---- slots ---- */

static struct metrics_cells *file_slot(struct metrics_file *file, enum metric_scope scope,
                                       uint32_t slot)
{
    struct metrics_region *region = &metrics_header(file->memory)->regions[scope];
    struct metrics_cells *cells = metrics_slot(file->memory, region, slot);

    cells->place = (uint32_t)((uint64_t)((char *)cells - file->memory) / sizeof(uint64_t));
    cells->scope = scope;
    if (slot >= atomic_load_explicit(&region->used, memory_order_relaxed))
        atomic_store_explicit(&region->used, slot + 1, memory_order_release);
    return cells;
}

struct metrics_cells *metrics_gateway(struct metrics_file *file)
{
    return file_slot(file, METRIC_SCOPE_GATEWAY, 0);
}

struct metrics_cells *metrics_worker(struct metrics_file *file, uint32_t index)
{
    return file_slot(file, METRIC_SCOPE_WORKER, file->use == METRICS_BOARD ? index : 0);
}

static uint64_t *file_block(struct metrics_header *header, uint32_t block)
{
    return (uint64_t *)(void *)((char *)header + block * METRICS_BLOCK);
}

_Atomic uint64_t *metrics_make(struct metrics_cells *cells, uint32_t cell)
{
    struct metrics_header *header = metrics_header((char *)cells - cells->place * sizeof(uint64_t));
    uint32_t block = header->block_free;

    if (block != 0) {
        header->block_free = (uint32_t)*file_block(header, block);
        memset(file_block(header, block), 0, METRICS_BLOCK);
    } else {
        assert(header->block_used < header->block_count);
        block = (uint32_t)(header->blocks / METRICS_BLOCK) + header->block_used++;
    }
    atomic_store_explicit(&cells->block[cell / METRICS_BLOCK_CELLS], block, memory_order_release);
    return metrics_find(cells, cell);
}

/* Nobody reads it as the last owner's while its blocks go back. */
static void slot_end(struct metrics_file *file, struct metrics_cells *cells)
{
    struct metrics_header *header = metrics_header(file->memory);

    atomic_store_explicit(&cells->owner, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (uint32_t i = 0; i < metrics_blocks(header->regions[cells->scope].cells); i++) {
        uint32_t block = atomic_load_explicit(&cells->block[i], memory_order_relaxed);

        atomic_store_explicit(&cells->block[i], 0, memory_order_relaxed);
        if (block == 0)
            continue;
        *file_block(header, block) = header->block_free;
        header->block_free = block;
    }
}

static void slot_name(char *text, uint32_t size, struct slice name)
{
    size_t most = size > 0 ? size - 1 : 0;
    size_t len = name.len < most ? name.len : most;
    uint32_t sum = 0;

    memset(text, 0, size);
    if (len > 0)
        memcpy(text, name.data, len);
    if (name.len <= most || most < 9)
        return;
    for (size_t i = 0; i < name.len; i++)
        sum = (sum ^ (unsigned char)name.data[i]) * UINT32_C(0x01000193);
    snprintf(text + most - 9, 10, "~%08x", sum);
}

/* Nobody reads it as the new owner's before it is. */
static void slot_give(struct metrics_file *file, struct metrics_cells *cells, uint64_t owner,
                      struct slice name)
{
    const struct metrics_region *region = &metrics_header(file->memory)->regions[cells->scope];

    slot_end(file, cells);
    slot_name(metrics_slot_text(region, cells), region->text, name);
    atomic_store_explicit(&cells->turn, 0, memory_order_relaxed);
    atomic_store_explicit(&cells->owner, owner, memory_order_release);
}

struct metrics_cells *metrics_take(struct metrics_file *file, enum metric_scope scope,
                                   uint64_t owner, struct slice name)
{
    struct metrics_region *region = &metrics_header(file->memory)->regions[scope];

    for (uint32_t i = file->free[scope]; i < region->slots; i++) {
        struct metrics_cells *cells = metrics_slot(file->memory, region, i);

        if (i < atomic_load_explicit(&region->used, memory_order_relaxed) &&
            atomic_load_explicit(&cells->owner, memory_order_relaxed) != 0)
            continue;
        cells = file_slot(file, scope, i);
        slot_give(file, cells, owner, name);
        file->free[scope] = i + 1;
        return cells;
    }
    file->free[scope] = region->slots;
    return NULL;
}

void metrics_release(struct metrics_file *file, struct metrics_cells *cells)
{
    const struct metrics_region *region;
    uint32_t slot;

    if (!cells)
        return;
    region = &metrics_header(file->memory)->regions[cells->scope];
    slot = (uint32_t)((uint64_t)((char *)cells - file->memory - (ptrdiff_t)region->offset) /
                      metrics_slot_size(region));
    slot_end(file, cells);
    if (slot < file->free[cells->scope])
        file->free[cells->scope] = slot;
}

void metrics_release_all(struct metrics_file *file, enum metric_scope scope)
{
    const struct metrics_region *region = &metrics_header(file->memory)->regions[scope];

    for (uint32_t i = 0; i < region->used; i++)
        metrics_release(file, metrics_slot(file->memory, region, i));
}

/* ---- the board ---- */

struct metrics_cells *metrics_board_tenant(struct metrics_file *board, uint32_t slot)
{
    return file_slot(board, METRIC_SCOPE_TENANT, slot);
}

struct metrics_cells *metrics_board_find(struct metrics_file *board, uint64_t owner)
{
    const struct metrics_region *region =
        &metrics_header(board->memory)->regions[METRIC_SCOPE_TENANT];
    uint32_t slot = SLOT_OF(owner);
    struct metrics_cells *cells = metrics_slot(board->memory, region, slot);

    return owner != 0 && slot < region->used && cells->owner == owner ? cells : NULL;
}

uint64_t metrics_board_enter(struct metrics_file *board, uint32_t slot, uint64_t number)
{
    uint64_t owner = number / METRICS_TENANTS * METRICS_TENANTS + slot;

    slot_give(board, metrics_board_tenant(board, slot), owner, (struct slice){NULL, 0});
    return owner;
}

void metrics_board_leave(struct metrics_file *board, uint32_t slot)
{
    slot_end(board, metrics_board_tenant(board, slot));
    board->has_left = true;
}

void metrics_board_sweep(struct metrics_file *board)
{
    if (!board->has_left)
        return;
    board->has_left = false;
    for (unsigned scope = METRIC_SCOPE_LISTENER; scope < METRIC_SCOPES; scope++) {
        const struct metrics_region *region = &metrics_header(board->memory)->regions[scope];

        for (uint32_t i = 0; i < region->used; i++) {
            struct metrics_cells *cells = metrics_slot(board->memory, region, i);

            if (cells->owner != 0 && !metrics_board_find(board, cells->owner))
                metrics_release(board, cells);
        }
    }
}

void metrics_board_begin(struct metrics_file *board)
{
    struct metrics_header *header = metrics_header(board->memory);

    atomic_fetch_add(&header->epoch, 1);
}

void metrics_board_end(struct metrics_file *board)
{
    metrics_board_begin(board);
}

/* "name", "netns", "error", each with a 0 behind it. What is too long for the slot stands in the
 * long text; the slot then has no name. */
static void put_texts(char *to, size_t size, const struct metrics_text *text)
{
    const struct slice parts[] = {text->name, text->netns, text->error};
    size_t used = 0;

    memset(to, 0, size);
    for (size_t i = 0; i < 3; i++) {
        size_t most = size - used - (3 - i);
        size_t len = parts[i].len < most ? parts[i].len : most;

        if (len > 0)
            memcpy(to + used, parts[i].data, len);
        used += len + 1;
    }
}

void metrics_board_set_text(struct metrics_file *board, uint32_t slot,
                            const struct metrics_text *text)
{
    struct metrics_header *header = metrics_header(board->memory);
    const struct metrics_region *region = &header->regions[METRIC_SCOPE_TENANT];
    char *inside =
        metrics_slot_text(region, metrics_board_tenant(board, slot)) + METRICS_BOARD_COLUMNS;
    char *outside = board->memory + header->long_text + slot * (uint64_t)METRICS_LONG_TEXT;
    bool is_long = text->name.len + text->netns.len + text->error.len + 3 > METRICS_TENANT_TEXT;
    bool was_long = inside[0] == '\0' && inside[1] != '\0';
    char texts[METRICS_LONG_TEXT];
    size_t size = is_long ? METRICS_LONG_TEXT : METRICS_TENANT_TEXT;

    put_texts(texts, size, text);
    if (is_long == was_long && memcmp(is_long ? outside : inside, texts, size) == 0)
        return;
    metrics_board_begin(board);
    memcpy(is_long ? outside : inside, texts, size);
    if (is_long)
        memcpy(inside, "\0+", 2);
    metrics_board_end(board);
}
