/* SPDX-License-Identifier: MIT */
/* The child that opens a log file as its owner. */
#include "logs/log_opener_internal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs the child for the file; returns the descriptor that it hands back, or -1 with errno. */
static int open_by_child(const char *path, int *status)
{
    int sockets[2];
    int handle = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int fd;
    pid_t pid;

    cr_assert_geq(handle, 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
    pid = fork();
    if (pid == 0)
        _exit(log_opener_main(sockets[1], handle));
    cr_assert_eq(waitpid(pid, status, 0), pid);
    close(sockets[1]);
    close(handle);
    fd = log_opener_take(sockets[0]);
    close(sockets[0]);
    return fd;
}

static void make(char path[], mode_t mode, uid_t user, gid_t group)
{
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(fchmod(fd, mode), 0);
    cr_assert_eq(fchown(fd, user, group), 0);
    close(fd);
}

Test(log_opener, opens_as_the_owner)
{
    char path[] = "/tmp/nsg-opener-XXXXXX";
    int status;
    int fd;

    make(path, 0640, 65534, 4);
    fd = open_by_child(path, &status);
    cr_assert_geq(fd, 0);
    cr_assert_eq(status, 0);
    cr_assert_eq(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND), O_WRONLY | O_APPEND);
    cr_assert_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    cr_assert_eq(write(fd, "x", 1), 1);
    close(fd);
    unlink(path);
}

/* With nothing of root's: what its owner may not do is not done. */
Test(log_opener, not_as_root)
{
    char path[] = "/tmp/nsg-opener-XXXXXX";
    int status;

    make(path, 0440, 65534, 4);
    cr_assert_eq(open_by_child(path, &status), -1);
    cr_assert_eq(errno, EACCES);
    cr_assert_neq(status, 0);
    cr_assert_eq(chown(path, 0, 0), 0);
    cr_assert_eq(open_by_child(path, &status), -1);
    cr_assert_eq(errno, EACCES, "nor is root itself above the mode");
    unlink(path);
}

Test(log_opener, opens_regular_files_only)
{
    char folder[] = "/tmp/nsg-opener-XXXXXX";
    int status;

    cr_assert_eq(open_by_child("/dev/null", &status), -1);
    cr_assert_eq(errno, EINVAL);
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(open_by_child(folder, &status), -1);
    cr_assert_eq(errno, EINVAL);
    rmdir(folder);
}

Test(log_opener, a_silent_one_has_failed)
{
    int sockets[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
    cr_assert_eq(log_opener_take(sockets[0]), -1);
    cr_assert_eq(errno, EPROTO);
    log_opener_answer(sockets[1], 0, -1); /* "done", without a descriptor */
    cr_assert_eq(log_opener_take(sockets[0]), -1);
    cr_assert_eq(errno, EPROTO);
    log_opener_answer(sockets[1], ENOSPC, -1);
    cr_assert_eq(log_opener_take(sockets[0]), -1);
    cr_assert_eq(errno, ENOSPC);
    close(sockets[1]);
    cr_assert_eq(log_opener_take(sockets[0]), -1);
    cr_assert_eq(errno, EPROTO);
    close(sockets[0]);
}
