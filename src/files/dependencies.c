/* SPDX-License-Identifier: MIT */
/* Identities of the files that a tenant was made from. */
#include "files/dependencies.h"

#include "base/memory.h"

#include <stdlib.h>
#include <sys/stat.h>

/* The kernel's file times move in steps of up to 10 ms: a file written again within one step of
 * being read would look unchanged. Seconds for which a file must have been still. */
#define DEPENDENCY_STILL 0.1

static struct dependency *dependencies_grow(struct dependencies *list, const char *path)
{
    struct dependency *item;

    list->items = memory_room(list->items, list->count, &list->capacity, sizeof(list->items[0]));
    item = &list->items[list->count++];
    *item = (struct dependency){.path = memory_text(path)};
    return item;
}

static double dependency_seconds(struct timespec time)
{
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void dependency_look(struct dependency *item, const char *path)
{
    struct stat status;
    struct timespec now;

    if (stat(path, &status) < 0)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    item->device = status.st_dev;
    item->inode = status.st_ino;
    item->size = status.st_size;
    item->modified = status.st_mtim;
    item->changed = status.st_ctim;
    item->is_settled =
        dependency_seconds(now) - dependency_seconds(status.st_ctim) > DEPENDENCY_STILL;
}

void dependencies_add_file(struct dependencies *list, const char *path)
{
    dependency_look(dependencies_grow(list, path), path);
}

/* FNV-1a, 64 bits, over the paths with their terminators. */
static uint64_t dependency_hash(char *const *paths, size_t count)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < count; i++) {
        for (const char *c = paths[i];; c++) {
            hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
            if (!*c)
                break;
        }
    }
    return hash;
}

static void dependencies_add_pattern(struct dependencies *list, const char *pattern,
                                     char *const *paths, size_t count)
{
    struct dependency *item = dependencies_grow(list, pattern);

    item->is_pattern = true;
    item->listing = dependency_hash(paths, count);
}

void dependencies_free(struct dependencies *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        free(list->items[i].path);
    free(list->items);
    *list = (struct dependencies){0};
}

static bool dependency_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool dependency_same_file(const struct dependency *item)
{
    struct dependency now = {0};

    dependency_look(&now, item->path);
    return now.device == item->device && now.inode == item->inode && now.size == item->size &&
           dependency_same_time(now.modified, item->modified) &&
           dependency_same_time(now.changed, item->changed);
}

static bool dependency_same_listing(const struct dependency *item,
                                    const struct config_loader *loader)
{
    struct arena arena;
    struct config_paths paths;
    const char *why;
    bool same;

    arena_init(&arena, 1024);
    same = loader->expand(loader->context, &arena, item->path, &paths, &why) == 0 &&
           dependency_hash(paths.items, paths.count) == item->listing;
    arena_free(&arena);
    return same;
}

bool dependencies_look_the_same(const struct dependencies *list, const struct config_loader *loader)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct dependency *item = &list->items[i];

        if (item->is_pattern ? !dependency_same_listing(item, loader) : !dependency_same_file(item))
            return false;
    }
    return true;
}

static bool dependencies_are_settled(const struct dependencies *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (!list->items[i].is_pattern && !list->items[i].is_settled)
            return false;
    }
    return true;
}

bool dependencies_unchanged(const struct dependencies *list, const struct config_loader *loader)
{
    return dependencies_are_settled(list) && dependencies_look_the_same(list, loader);
}

/* ---- the loader that notes ---- */

static int recorder_read(void *context, struct arena *arena, const char *path, struct slice *text,
                         const char **why)
{
    struct recorder *recorder = context;
    struct recorder_file *file;

    if (recorder->dependencies)
        dependencies_add_file(recorder->dependencies, path);
    if (config_files.read(config_files.context, arena, path, text, why) != 0)
        return -1;
    if (recorder->dump) {
        file = ARENA_NEW(&recorder->dump->arena, struct recorder_file);
        file->path = arena_text(&recorder->dump->arena, slice_of(path));
        file->text = arena_slice(&recorder->dump->arena, *text);
        STAILQ_INSERT_TAIL(&recorder->dump->files, file, next);
    }
    return 0;
}

static int recorder_expand(void *context, struct arena *arena, const char *pattern,
                           struct config_paths *paths, const char **why)
{
    struct recorder *recorder = context;

    if (config_files.expand(config_files.context, arena, pattern, paths, why) != 0)
        return -1;
    if (recorder->dependencies)
        dependencies_add_pattern(recorder->dependencies, pattern, paths->items, paths->count);
    return 0;
}

void recorder_init(struct recorder *recorder, struct dependencies *dependencies,
                   struct recorder_dump *dump)
{
    recorder->loader = (struct config_loader){
        .read = recorder_read, .expand = recorder_expand, .context = recorder};
    recorder->dependencies = dependencies;
    recorder->dump = dump;
}

void recorder_dump_init(struct recorder_dump *dump)
{
    STAILQ_INIT(&dump->files);
    arena_init(&dump->arena, 16384);
}

void recorder_dump_free(struct recorder_dump *dump)
{
    arena_free(&dump->arena);
    STAILQ_INIT(&dump->files);
}

/* ---- for the next binary ---- */

static void put_time(struct wire_writer *writer, struct timespec time)
{
    wire_put_u64(writer, (uint64_t)time.tv_sec);
    wire_put_u32(writer, (uint32_t)time.tv_nsec);
}

static void put_dependency(struct wire_writer *writer, const struct dependency *item)
{
    wire_put_slice(writer, slice_of(item->path));
    wire_put_bool(writer, item->is_pattern);
    wire_put_bool(writer, item->is_settled);
    wire_put_u64(writer, item->listing);
    wire_put_u64(writer, item->device);
    wire_put_u64(writer, item->inode);
    wire_put_u64(writer, (uint64_t)item->size);
    put_time(writer, item->modified);
    put_time(writer, item->changed);
}

void dependencies_put(struct wire_writer *writer, const struct dependencies *list)
{
    wire_put_u32(writer, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        put_dependency(writer, &list->items[i]);
}

#define DEPENDENCY_MIN (4 + 1 + 1 + 8 + 8 + 8 + 8 + 12 + 12) /* bytes */

static struct timespec get_time(struct wire_reader *reader)
{
    struct timespec time;

    time.tv_sec = (time_t)wire_get_u64(reader);
    time.tv_nsec = (long)wire_get_u32(reader);
    return time;
}

static void get_dependency(struct wire_reader *reader, struct dependency *item)
{
    item->path = memory_slice_text(wire_get_plain(reader));
    item->is_pattern = wire_get_bool(reader);
    item->is_settled = wire_get_bool(reader);
    item->listing = wire_get_u64(reader);
    item->device = wire_get_u64(reader);
    item->inode = wire_get_u64(reader);
    item->size = (off_t)wire_get_u64(reader);
    item->modified = get_time(reader);
    item->changed = get_time(reader);
}

void dependencies_get(struct wire_reader *reader, struct dependencies *list)
{
    uint32_t count = wire_get_count(reader, DEPENDENCY_MIN);

    list->items = memory_zeroed(count, sizeof(list->items[0]));
    list->capacity = count;
    while (list->count < count && !reader->failed)
        get_dependency(reader, &list->items[list->count++]);
}
