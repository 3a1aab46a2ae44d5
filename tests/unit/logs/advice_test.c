/* SPDX-License-Identifier: MIT */
/* What an operator reads of a log file that cannot be opened. */
#include "logs/advice.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static char folder[64];

static void open_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/nsg-advice-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chmod(folder, 0755), 0);
}

static void remove_folder(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(advice, .init = open_folder, .fini = remove_folder);

static void expect(const char *name, const char *wanted)
{
    char path[128], text[LOG_ADVICE];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    log_advice(path, text);
    if (*wanted)
        cr_expect(strstr(text, wanted), "%s: \"%s\"", name, text);
    else
        cr_expect_str_empty(text);
}

static void make(const char *name, mode_t mode)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    cr_assert_not_null(file);
    fclose(file);
    cr_assert_eq(chmod(path, mode), 0);
}

Test(advice, names_the_first_folder_that_is_missing)
{
    char wanted[128];

    snprintf(wanted, sizeof(wanted), "there is no folder %s/a: make it", folder);
    expect("a/b/log", wanted);
}

Test(advice, names_the_mode_of_a_file_that_its_owner_may_not_write)
{
    make("log", 0444);
    expect("log", "may not write to it: mode 0444");
    make("other", 0644);
    expect("other", "");
}

/* Root may write anywhere: so it is asked as somebody else. */
Test(advice, names_the_owner_of_a_folder_that_is_not_ours)
{
    pid_t pid;
    int status;

    if (geteuid() != 0)
        cr_skip_test("only root becomes somebody else");
    pid = fork();
    if (pid == 0) {
        char path[128], text[LOG_ADVICE];

        snprintf(path, sizeof(path), "%s/log", folder);
        if (setuid(NOBODY) < 0)
            _exit(2);
        log_advice(path, text);
        _exit(strstr(text, "of user 0, mode 0755") && strstr(text, "user 65534") ? 0 : 1);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(advice, is_silent_where_a_file_can_be_made)
{
    expect("fresh", "");
}
