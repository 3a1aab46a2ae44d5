/* SPDX-License-Identifier: MIT */
/* Opening and entering namespaces, among everything that a path may be instead. */
#include "netns/netns.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process that sits in a namespace of its own; it ends with the test. */
static pid_t make_namespace(char path[64])
{
    int ready[2];
    pid_t child;
    char byte;

    cr_assert_eq(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        byte = unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
        (void)!write(ready[1], &byte, 1);
        for (;;)
            pause();
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    if (byte != 'y') {
        kill(child, SIGKILL);
        cr_skip_test("no right to make network namespaces here");
    }
    snprintf(path, 64, "/proc/%d/ns/net", (int)child);
    return child;
}

static void end(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void expect(enum netns_verdict verdict, const char *path, const char *reason)
{
    struct netns_home *home = netns_home_open();
    struct netns_id id;
    char why[160];
    int fd;

    cr_assert_eq(netns_open(home, path, &fd, &id, why), verdict, "%s: %s", path, why);
    cr_assert_str_eq(why, reason);
    if (verdict != NETNS_OPEN_OK)
        cr_assert_eq(fd, -1);
    netns_home_close(home);
}

static int ask_inode(void *argument)
{
    struct stat status;

    if (stat("/proc/self/ns/net", &status) < 0)
        return -1;
    *(ino_t *)argument = status.st_ino;
    errno = EXDEV;
    return 7;
}

Test(netns, acts_inside_and_returns)
{
    struct netns_home *home = netns_home_open();
    struct netns_id id;
    struct stat now;
    char path[64];
    char why[160];
    pid_t child = make_namespace(path);
    ino_t inside = 0;
    int fd;

    cr_assert_eq(netns_open(home, path, &fd, &id, why), NETNS_OPEN_OK, "%s", why);
    cr_assert_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    cr_assert_eq(netns_within(home, fd, ask_inode, &inside), 7);
    cr_assert_eq(errno, EXDEV);
    cr_assert_eq(inside, id.inode);
    cr_assert_eq(stat("/proc/self/ns/net", &now), 0);
    cr_assert_eq(now.st_ino, netns_home_id(home).inode);
    cr_assert_not(netns_id_equal(id, netns_home_id(home)));
    close(fd);
    end(child);
    netns_home_close(home);
}

Test(netns, what_cannot_be_entered)
{
    struct netns_home *home = netns_home_open();
    int null = open("/dev/null", O_RDONLY);
    ino_t inside = 0;

    cr_assert_eq(netns_within(home, null, ask_inode, &inside), ERROR_NETNS);
    cr_assert_eq(inside, 0);
    close(null);
    netns_home_close(home);
}

Test(netns, the_hosts_own)
{
    struct netns_home *home = netns_home_open();
    struct stat status;

    expect(NETNS_OPEN_REFUSED, "/proc/self/ns/net", "is the host's own network namespace");
    cr_assert_eq(stat("/proc/self/ns/net", &status), 0);
    cr_assert_eq(netns_home_id(home).inode, status.st_ino);
    netns_home_close(home);
}

Test(netns, other_kinds_of_namespaces)
{
    expect(NETNS_OPEN_REFUSED, "/proc/self/ns/uts", "is a namespace, but not a network namespace");
    expect(NETNS_OPEN_REFUSED, "/proc/self/ns/mnt", "is a namespace, but not a network namespace");
}

Test(netns, dead_processes)
{
    char path[64];
    pid_t child = fork();
    siginfo_t info;

    if (child == 0)
        _exit(0);
    cr_assert_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)child);
    expect(NETNS_OPEN_ABSENT, path, "does not exist"); /* not yet waited for */
    waitpid(child, NULL, 0);
    expect(NETNS_OPEN_ABSENT, path, "does not exist");
}

Test(netns, files_that_are_none)
{
    char folder[] = "/tmp/nsg-netns-XXXXXX";
    char path[64];
    int fd;

    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/x", folder);
    expect(NETNS_OPEN_ABSENT, path, "does not exist");
    expect(NETNS_OPEN_REFUSED, folder, "is a directory, not a network namespace");
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect(NETNS_OPEN_REFUSED, path, "is a FIFO, not a network namespace");
    unlink(path);
    fd = open(path, O_CREAT | O_WRONLY, 0); /* as ip-netns(8) makes it */
    expect(NETNS_OPEN_ABSENT, path, "is only a placeholder file so far");
    cr_assert_eq(write(fd, "x", 1), 1);
    close(fd);
    expect(NETNS_OPEN_REFUSED, path, "is a regular file, not a network namespace");
    unlink(path);
    cr_assert_eq(symlink(path, path), 0);
    expect(NETNS_OPEN_REFUSED, path, "Too many levels of symbolic links");
    unlink(path);
    rmdir(folder);
    expect(NETNS_OPEN_REFUSED, "/dev/null", "is a device, not a network namespace");
}

Test(netns, nothing_that_one_may_look_at)
{
    struct netns_id id = {1, 1};
    char path[5000];

    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    cr_assert_eq(netns_look(path, &id), 0);
    cr_assert_eq(id.inode, 0);
}

/* A user who is root in a user namespace of his own makes namespaces as he likes. */
Test(netns, of_another_user_namespace)
{
    char path[64];
    pid_t child;
    char byte;
    int ready[2];

    cr_assert_eq(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        byte = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? 'y' : 'n';
        (void)!write(ready[1], &byte, 1);
        for (;;)
            pause();
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    if (byte != 'y')
        cr_skip_test("no right to make user namespaces here");
    snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)child);
    expect(NETNS_OPEN_REFUSED, path, "belongs to another user namespace");
    end(child);
}

/* As ip-netns(8) does: a placeholder, a mount over it, and its end. */
Test(netns, a_named_one_comes_and_goes)
{
    char folder[] = "/tmp/nsg-netns-XXXXXX";
    char path[64];
    char from[64];
    struct netns_id id;
    struct netns_id now;
    struct stat status;
    pid_t child;

    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        cr_skip_test("no right to mount here");
    child = make_namespace(from);
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/acme", folder);
    close(open(path, O_CREAT | O_WRONLY, 0));
    expect(NETNS_OPEN_ABSENT, path, "is only a placeholder file so far");
    cr_assert_eq(mount(from, path, NULL, MS_BIND, NULL), 0);
    end(child);
    expect(NETNS_OPEN_OK, path, "");
    cr_assert_eq(stat(path, &status), 0);
    id = (struct netns_id){status.st_dev, status.st_ino};
    cr_assert_eq(netns_look(path, &now), 0);
    cr_assert(netns_id_equal(now, id));
    cr_assert_eq(netns_look("/proc/self/ns/net", &now), 0);
    cr_assert_not(netns_id_equal(now, id));
    cr_assert_eq(umount2(path, MNT_DETACH), 0);
    cr_assert_eq(netns_look(path, &now), 0);
    cr_assert_not(netns_id_equal(now, id));
    cr_assert_eq(netns_look("/nowhere", &now), 0);
    cr_assert_eq(now.inode, 0);
    expect(NETNS_OPEN_ABSENT, path, "is only a placeholder file so far");
    unlink(path);
    expect(NETNS_OPEN_ABSENT, path, "does not exist");
    rmdir(folder);
}
