/* SPDX-License-Identifier: MIT */
/* The loader of real files meets files that are none. */
#include "config/config_support.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct room {
    char folder[64];
    char path[128];
    struct arena arena;
};

static void enter(struct room *room, const char *name)
{
    snprintf(room->folder, sizeof(room->folder), "/tmp/config_files_XXXXXX");
    cr_assert_not_null(mkdtemp(room->folder));
    snprintf(room->path, sizeof(room->path), "%s/%s", room->folder, name);
    arena_init(&room->arena, 1024);
}

static void leave(struct room *room)
{
    arena_free(&room->arena);
    unlink(room->path);
    rmdir(room->folder);
}

static void fill(const char *path, size_t size)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    for (size_t i = 0; i < size; i++)
        fputc('#', file);
    fclose(file);
}

Test(files, reads_a_regular_file, .timeout = 60)
{
    struct room room;
    struct slice text;
    const char *why = NULL;

    enter(&room, "a");
    fill(room.path, 1024 * 1024);
    cr_assert_eq(config_files.read(NULL, &room.arena, room.path, &text, &why), 0);
    cr_expect_eq(text.len, 1024 * 1024);
    leave(&room);
}

Test(files, refuses_what_is_too_large, .timeout = 60)
{
    struct room room;
    struct slice text;
    const char *why = NULL;

    enter(&room, "a");
    fill(room.path, 1024 * 1024 + 1);
    cr_assert_eq(config_files.read(NULL, &room.arena, room.path, &text, &why), -1);
    cr_expect_str_eq(why, "it is larger than 1 MiB");
    leave(&room);
}

Test(files, a_fifo_does_not_hang_it, .timeout = 60)
{
    struct room room;
    struct slice text;
    const char *why = NULL;

    enter(&room, "fifo");
    cr_assert_eq(mkfifo(room.path, 0600), 0);
    cr_assert_eq(config_files.read(NULL, &room.arena, room.path, &text, &why), -1);
    cr_expect_str_eq(why, "it is not a regular file");
    leave(&room);
}

Test(files, refuses_folders_devices_and_nothing, .timeout = 60)
{
    struct room room;
    struct slice text;
    const char *why = NULL;

    enter(&room, "none");
    cr_assert_eq(config_files.read(NULL, &room.arena, room.folder, &text, &why), -1);
    cr_expect_str_eq(why, "it is a folder");
    cr_assert_eq(config_files.read(NULL, &room.arena, "/dev/zero", &text, &why), -1);
    cr_expect_str_eq(why, "it is not a regular file");
    cr_assert_eq(config_files.read(NULL, &room.arena, room.path, &text, &why), -1);
    cr_expect_str_eq(why, "No such file or directory");
    leave(&room);
}

Test(files, expands_patterns)
{
    struct room room;
    const char *why = NULL;
    char pattern[160];
    struct config_paths paths;

    enter(&room, "b.conf");
    fill(room.path, 1);
    snprintf(pattern, sizeof(pattern), "%s/*.conf", room.folder);
    cr_assert_eq(config_files.expand(NULL, &room.arena, pattern, &paths, &why), 0);
    cr_assert_eq(paths.count, 1);
    cr_expect_str_eq(paths.items[0], room.path);
    snprintf(pattern, sizeof(pattern), "%s/*.none", room.folder);
    cr_assert_eq(config_files.expand(NULL, &room.arena, pattern, &paths, &why), 0);
    cr_expect_eq(paths.count, 0);
    leave(&room);
}

/* An unreadable folder is not an empty one. */
Test(files, a_folder_that_cannot_be_read_is_an_error)
{
    static const char *const patterns[] = {"%s/*.conf", "%s/b.conf", "%s/*/b.conf"};
    struct room room;
    char pattern[160];
    struct config_paths paths;

    enter(&room, "b.conf");
    fill(room.path, 1);
    cr_assert_eq(chmod(room.folder, 0), 0);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
        const char *why = NULL;

        snprintf(pattern, sizeof(pattern), patterns[i], room.folder);
        cr_expect_eq(config_files.expand(NULL, &room.arena, pattern, &paths, &why), -1, "%s",
                     pattern);
        cr_expect_str_eq(why ? why : "", "a folder cannot be read");
    }
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(chmod(room.folder, 0700), 0);
    leave(&room);
}

Test(files, a_folder_that_is_not_there_is_empty)
{
    const char *why = NULL;
    struct arena arena;
    struct config_paths paths = {.count = 1};

    arena_init(&arena, 512);
    cr_expect_eq(config_files.expand(NULL, &arena, "/nowhere/at/all/*.conf", &paths, &why), 0);
    cr_expect_eq(paths.count, 0);
    arena_free(&arena);
}
