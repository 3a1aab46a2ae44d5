/* SPDX-License-Identifier: MIT */
/* Opening log files of all owners and kinds. The child is this very program, in a role. */
#include "logs/log_file.h"

#include "ipc/spawn.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SELF   "/proc/self/exe"
#define NOBODY 65534

static char folder[64];

/* Runs before Criterion's main, with the arguments of it (glibc). */
__attribute__((constructor)) static void become_opener(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], SPAWN_ROLE_ARGUMENT) == 0 && strcmp(argv[2], "opener") == 0)
        _exit(log_opener_run());
}

static void open_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/nsg-log-file-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(log_file, .init = open_folder, .fini = remove_folder);

static const char *at(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text, mode_t mode, uid_t user)
{
    FILE *file = fopen(at(name), "w");

    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    cr_assert_eq(chmod(at(name), mode), 0);
    cr_assert_eq(chown(at(name), user, user), 0);
}

/* ---- in an event loop ---- */

static struct {
    unsigned calls;
    int fd;
    char why[128];
} outcome;

static void on_done(struct log_file *file, int fd, const char *why)
{
    outcome.calls++;
    outcome.fd = fd;
    snprintf(outcome.why, sizeof(outcome.why), "%s", why ? why : "");
    loop_stop(file->loop);
}

/* Returns the descriptor, or -1 with outcome.why. */
static int open_with(const char *program, const char *name)
{
    struct log_file file;
    struct loop loop;

    outcome.calls = 0;
    loop_init(&loop);
    log_file_init(&file, &loop, program, on_done, NULL);
    log_file_begin(&file, at(name));
    if (outcome.calls == 0) {
        cr_assert(log_file_is_busy(&file));
        loop_run(&loop);
    }
    cr_assert_eq(outcome.calls, 1);
    cr_assert_not(log_file_is_busy(&file));
    log_file_free(&file);
    loop_free(&loop);
    return outcome.fd;
}

static void check_appends(int fd, const char *name, const char *text)
{
    char content[64] = {0};
    int reader;

    cr_assert_geq(fd, 0, "%s", outcome.why);
    cr_assert_eq(write(fd, "new", 3), 3);
    close(fd);
    reader = open(at(name), O_RDONLY | O_CLOEXEC);
    cr_assert_gt(read(reader, content, sizeof(content) - 1), 0);
    cr_assert_str_eq(content, text);
    close(reader);
}

Test(log_file, ours_is_opened_or_made)
{
    struct stat status;

    umask(0);
    check_appends(open_with("/nonexistent", "log"), "log", "new");
    cr_assert_eq(stat(at("log"), &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0640);
    check_appends(open_with("/nonexistent", "log"), "log", "newnew");
}

Test(log_file, anothers_is_opened_as_its_owner)
{
    write_file("log", "old", 0640, NOBODY);
    cr_assert_eq(chmod(folder, 0700), 0); /* which it could not even enter */
    check_appends(open_with(SELF, "log"), "log", "oldnew");
    write_file("log", "old", 0440, NOBODY);
    cr_assert_eq(open_with(SELF, "log"), -1);
    cr_assert_str_eq(outcome.why, "Permission denied");
}

Test(log_file, links_are_not_followed)
{
    write_file("target", "precious", 0644, 0);
    cr_assert_eq(symlink("target", at("log")), 0);
    cr_assert_eq(open_with(SELF, "log"), -1);
    cr_assert_not_null(strstr(outcome.why, "symbolic link"));
    cr_assert_eq(symlink("nothing", at("dangling")), 0);
    cr_assert_eq(open_with(SELF, "dangling"), -1);
    cr_assert_lt(access(at("nothing"), F_OK), 0);
}

/* A FIFO without a reader, a folder: nothing hangs. */
Test(log_file, what_is_no_file)
{
    cr_assert_eq(mkfifo(at("fifo"), 0666), 0);
    cr_assert_eq(open_with(SELF, "fifo"), -1);
    cr_assert_str_eq(outcome.why, "nobody reads it");
    cr_assert_eq(chown(at("fifo"), NOBODY, NOBODY), 0);
    cr_assert_eq(open_with(SELF, "fifo"), -1);
    cr_assert_not_null(strstr(outcome.why, "no regular file"));
    cr_assert_eq(open_with(SELF, "."), -1);
    cr_assert_eq(open_with(SELF, "nowhere/log"), -1);
    cr_assert_str_eq(outcome.why, "No such file or directory");
}

Test(log_file, a_child_that_fails)
{
    write_file("log", "old", 0640, NOBODY);
    cr_assert_eq(open_with("/nonexistent", "log"), -1);
    cr_assert_str_eq(outcome.why, "No such file or directory");
    cr_assert_eq(open_with("/bin/true", "log"), -1);
    cr_assert_str_eq(outcome.why, "the process that opens it has failed");
}

Test(log_file, a_child_that_hangs_is_killed, .timeout = 60)
{
    write_file("log", "old", 0640, NOBODY);
    write_file("program", "#!/bin/sh\nexec sleep 1000\n", 0755, 0);

    char program[128];

    snprintf(program, sizeof(program), "%s", at("program"));
    cr_assert_eq(open_with(program, "log"), -1);
    cr_assert_str_eq(outcome.why, "it took too long");
}

Test(log_file, free_ends_what_runs)
{
    struct log_file file;
    struct loop loop;

    write_file("log", "old", 0640, NOBODY);
    loop_init(&loop);
    log_file_init(&file, &loop, SELF, on_done, NULL);
    log_file_begin(&file, at("log"));
    log_file_free(&file);
    cr_assert_not(log_file_is_busy(&file));
    cr_assert_eq(outcome.calls, 0);
    loop_free(&loop);
}

/* ---- waiting ---- */

Test(log_file, waiting_for_it)
{
    const char *why = NULL;
    int fd = -1;

    write_file("log", "old", 0640, NOBODY);
    cr_assert_eq(log_file_open(SELF, at("log"), true, &fd, &why), 0);
    check_appends(fd, "log", "oldnew");
    cr_assert_eq(log_file_open(SELF, at("nowhere/log"), true, &fd, &why), -1);
    cr_assert_str_eq(why, "No such file or directory");
    write_file("log", "old", 0440, NOBODY);
    cr_assert_eq(log_file_open(SELF, at("log"), false, &fd, &why), -1);
}

Test(log_file, asking_makes_nothing)
{
    const char *why = NULL;
    int fd = 0;

    cr_assert_eq(log_file_open(SELF, at("log"), false, &fd, &why), 0);
    cr_assert_eq(fd, -1);
    cr_assert_lt(access(at("log"), F_OK), 0);
    cr_assert_eq(log_file_open(SELF, at("nowhere/log"), false, &fd, &why), -1);
    cr_assert_str_eq(why, "No such file or directory");
}
