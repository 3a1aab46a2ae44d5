/* SPDX-License-Identifier: MIT */
/* What wakes whoever waits for namespaces, and what does not. */
#include "netns/watch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/nsg-watch-XXXXXX";
static struct netns_watch *watch;

static void begin(void)
{
    cr_assert_not_null(mkdtemp(folder));
    watch = netns_watch_new();
    cr_assert_not_null(watch);
}

static void end(void)
{
    netns_watch_free(watch);
    rmdir(folder);
}

TestSuite(watch, .init = begin, .fini = end);

static const char *in_folder(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* Mounts elsewhere on the machine wake it too: quiet is what comes after takes. */
static bool is_quiet(void)
{
    struct pollfd ready = {netns_watch_fd(watch), POLLIN, 0};

    for (int i = 0; i < 50; i++) {
        netns_watch_take(watch);
        if (poll(&ready, 1, 20) == 0)
            return true;
    }
    return false;
}

static bool wakes(void)
{
    struct pollfd ready = {netns_watch_fd(watch), POLLIN, 0};
    bool woken = poll(&ready, 1, 2000) == 1;

    netns_watch_take(watch);
    return woken;
}

static void make_file(const char *name)
{
    close(open(in_folder(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

Test(watch, files_that_come_and_go)
{
    netns_watch_add(watch, in_folder("a"));
    cr_assert(is_quiet());
    make_file("a");
    cr_assert(wakes());
    cr_assert(is_quiet());
    unlink(in_folder("a"));
    cr_assert(wakes());
    cr_assert(is_quiet());
}

Test(watch, a_folder_is_minded_while_any_path_is)
{
    char other[128];

    snprintf(other, sizeof(other), "%s", in_folder("b"));
    netns_watch_add(watch, in_folder("a"));
    netns_watch_add(watch, other);
    netns_watch_remove(watch, in_folder("a"));
    cr_assert(is_quiet());
    make_file("a");
    cr_assert(wakes());
    netns_watch_remove(watch, other);
    netns_watch_remove(watch, other);
    cr_assert(is_quiet());
    unlink(in_folder("a"));
    cr_assert(is_quiet());
}

Test(watch, a_folder_that_comes_later_and_is_replaced)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/x/y/ns", folder);
    netns_watch_add(watch, path);
    cr_assert(is_quiet());
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(mkdir(in_folder("x"), 0700), 0);
        cr_assert(wakes());
        cr_assert_eq(mkdir(in_folder("x/y"), 0700), 0);
        cr_assert(wakes());
        cr_assert(is_quiet());
        make_file("x/y/ns");
        cr_assert(wakes());
        cr_assert(is_quiet());
        unlink(path);
        rmdir(in_folder("x/y"));
        rmdir(in_folder("x"));
        cr_assert(wakes());
        cr_assert(is_quiet());
    }
}

/* Two folders below one that is missing are minded at the same place. */
Test(watch, a_shared_parent)
{
    char other[128];

    snprintf(other, sizeof(other), "%s/v/ns", folder);
    netns_watch_add(watch, in_folder("u/ns"));
    netns_watch_add(watch, other);
    netns_watch_remove(watch, in_folder("u/ns"));
    cr_assert(is_quiet());
    cr_assert_eq(mkdir(in_folder("v"), 0700), 0);
    cr_assert(wakes());
    rmdir(in_folder("v"));
}

Test(watch, mounts)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        cr_skip_test("no right to mount here");
    netns_watch_free(watch); /* what it holds is of the mounts from before */
    watch = netns_watch_new();
    cr_assert(is_quiet());
    cr_assert_eq(mount("none", folder, "tmpfs", 0, NULL), 0);
    cr_assert(wakes());
    cr_assert(is_quiet());
    cr_assert_eq(umount2(folder, MNT_DETACH), 0);
    cr_assert(wakes());
    cr_assert(is_quiet());
}

Test(watch, paths_at_the_root_and_too_long)
{
    char path[5000];

    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[4990] = '/';
    path[sizeof(path) - 1] = '\0';
    netns_watch_add(watch, "/nsg-none");
    netns_watch_add(watch, path);
    cr_assert(is_quiet());
    netns_watch_remove(watch, path);
    netns_watch_remove(watch, "/nsg-none");
}
