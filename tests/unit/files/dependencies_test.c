/* SPDX-License-Identifier: MIT */
/* Whether files are the ones they were. */
#include "files/dependencies.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STILL 150000 /* microseconds until a file counts as settled */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(dependencies, see_every_change_of_a_file)
{
    char folder[] = "/tmp/nsg-dependencies-XXXXXX";
    char path[64];
    char link[64];
    struct dependencies list = {0};

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/x", folder);
    snprintf(link, sizeof(link), "%s/link", folder);
    write_file(path, "one");
    cr_assert_eq(symlink(path, link), 0);
    dependencies_add_file(&list, link);
    cr_assert_not(dependencies_unchanged(&list, &config_files), "it was written this moment");
    dependencies_free(&list);
    usleep(STILL);
    dependencies_add_file(&list, link);
    cr_assert(dependencies_unchanged(&list, &config_files));
    write_file(path, "two"); /* the same size, through the link */
    cr_assert_not(dependencies_unchanged(&list, &config_files));
    dependencies_free(&list);
    usleep(STILL);
    dependencies_add_file(&list, link);
    unlink(path);
    cr_assert_not(dependencies_unchanged(&list, &config_files));
    dependencies_free(&list);
    unlink(link);
    rmdir(folder);
}

Test(dependencies, see_files_come_and_go_under_a_pattern)
{
    char folder[] = "/tmp/nsg-dependencies-XXXXXX";
    char path[64];
    char pattern[64];
    struct dependencies list = {0};
    struct recorder recorder;
    struct arena arena;
    struct config_paths paths;
    const char *why;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/a.conf", folder);
    snprintf(pattern, sizeof(pattern), "%s/*.conf", folder);
    arena_init(&arena, 1024);
    recorder_init(&recorder, &list, NULL);
    cr_assert_eq(recorder.loader.expand(recorder.loader.context, &arena, pattern, &paths, &why), 0);
    cr_assert(dependencies_unchanged(&list, &config_files));
    write_file(path, "");
    cr_assert_not(dependencies_unchanged(&list, &config_files));
    unlink(path);
    cr_assert(dependencies_unchanged(&list, &config_files));
    arena_free(&arena);
    dependencies_free(&list);
    rmdir(folder);
}

Test(dependencies, the_recorder_notes_what_it_reads)
{
    struct dependencies list = {0};
    struct recorder_dump dump;
    struct recorder recorder;
    struct arena arena;
    struct slice text;
    const char *why;
    char path[] = "/tmp/nsg-recorder-XXXXXX";
    int fd = mkstemp(path);

    cr_assert_eq(write(fd, "hello", 5), 5);
    close(fd);
    arena_init(&arena, 1024);
    recorder_dump_init(&dump);
    recorder_init(&recorder, &list, &dump);
    cr_assert_eq(recorder.loader.read(recorder.loader.context, &arena, path, &text, &why), 0);
    cr_assert_eq(list.count, 1);
    cr_assert_str_eq(STAILQ_FIRST(&dump.files)->path, path);
    cr_assert(slice_equal(STAILQ_FIRST(&dump.files)->text, SLICE("hello")));
    unlink(path);
    cr_assert_eq(recorder.loader.read(recorder.loader.context, &arena, path, &text, &why), -1);
    recorder_dump_free(&dump);
    arena_free(&arena);
    dependencies_free(&list);
}
