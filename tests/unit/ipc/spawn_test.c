/* SPDX-License-Identifier: MIT */
/* What a child that is our own program finds. */
#include "ipc/spawn.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char said[1024];

/* Runs the shell script as the program; what it writes to its channel is in said afterwards.
 * Returns its wait status. */
static int run(const char *script, struct spawn *spawn)
{
    char path[] = "/tmp/nsg-spawn-XXXXXX";
    int ends[2];
    int status = -1;
    int fd = mkstemp(path);
    pid_t pid;

    cr_assert_geq(fd, 0);
    dprintf(fd, "#!/bin/sh\n%s\n", script ? script : "");
    fchmod(fd, 0700);
    close(fd);
    cr_assert_eq(pipe(ends), 0);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    spawn->program = script ? path : "/nowhere";
    spawn->role = "worker";
    if (spawn->channel == 0)
        spawn->channel = ends[1];
    else
        dup2(ends[1], spawn->channel);
    pid = spawn_role(spawn);
    cr_assert_gt(pid, 0);
    close(ends[1]);
    if (spawn->channel != ends[1])
        close(spawn->channel);
    memset(said, 0, sizeof(said));
    for (size_t len = 0; len < sizeof(said) - 1;) {
        ssize_t got = read(ends[0], said + len, sizeof(said) - 1 - len);

        if (got <= 0)
            break;
        len += (size_t)got;
    }
    close(ends[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    unlink(path);
    return status;
}

Test(spawn, a_child_has_its_role_its_channel_and_nothing_else)
{
    struct spawn spawn = {.second = -1};
    int other = dup(STDERR_FILENO); /* not close-on-exec */

    setenv("NOTIFY_SOCKET", "/x", 1);
    setenv("WATCHDOG_USEC", "1", 1);
    setenv("WATCHDOG_PID", "1", 1);
    cr_assert_eq(run("echo \"$1 $2 [$NOTIFY_SOCKET$WATCHDOG_USEC$WATCHDOG_PID]\" >&3\n"
                     "for fd in 4 5 6 7 8 9; do (: >&$fd) 2>/dev/null && echo has $fd >&3; done\n"
                     "exit 3",
                     &spawn),
                 3 << 8);
    cr_assert_str_eq(said, "--role worker []\n");
    close(other);
}

/* As a kernel, or a filter, that has no close_range(2). */
static void refuse_close_range(int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void check_without_close_range(int error)
{
    struct spawn spawn = {.second = -1};
    int other = dup(STDERR_FILENO);
    int high = fcntl(other, F_DUPFD, 900);

    refuse_close_range(error);
    cr_assert_eq(
        run("for fd in /proc/self/fd/*; do [ -e $fd ] && echo ${fd##*/} >&3; done; exit 3", &spawn),
        3 << 8);
    cr_assert_null(strstr(said, "900"));
    cr_assert_null(strstr(said, "\n4\n"));
    close(high);
    close(other);
}

Test(spawn, a_kernel_without_close_range_serves_too)
{
    check_without_close_range(ENOSYS);
}

Test(spawn, a_filter_that_forbids_close_range_is_no_obstacle)
{
    check_without_close_range(EPERM);
}

/* In a process of its own: the low numbers of this one are the test program's. */
static int run_crossed(void)
{
    struct spawn spawn = {.channel = SPAWN_SECOND_FD, .second = SPAWN_CHANNEL_FD};
    int file = memfd_create("second", MFD_CLOEXEC);
    int high = fcntl(file, F_DUPFD_CLOEXEC, 10);

    if (write(file, "kept", 4) != 4 || lseek(file, 0, SEEK_SET) != 0)
        return 1;
    dup2(STDERR_FILENO, SPAWN_SECOND_FD); /* taken, until run() has its channel there */
    dup2(high, SPAWN_CHANNEL_FD);
    return run("cat <&4 >&3", &spawn) == 0 && strcmp(said, "kept") == 0 ? 0 : 1;
}

Test(spawn, both_descriptors_find_their_places_also_in_each_others)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(run_crossed());
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
}

Test(spawn, what_an_operator_signals_is_not_the_childs)
{
    struct spawn spawn = {.second = -1};

    cr_assert_eq(run("grep SigIgn /proc/self/status >&3; grep SigBlk /proc/self/status >&3\n"
                     "kill -HUP $$; kill -INT $$; kill -USR1 $$; kill -TERM $$; sleep 5",
                     &spawn),
                 SIGTERM);
    cr_assert_not_null(strstr(said, "SigBlk:\t0000000000000000"));
}

static void tell_failure(int error)
{
    dprintf(SPAWN_CHANNEL_FD, "failed: %d", error);
}

Test(spawn, a_program_that_is_not_there_is_told_by_the_child)
{
    struct spawn spawn = {.second = -1, .on_failure = tell_failure};
    char wanted[32];

    cr_assert_eq(run(NULL, &spawn), 127 << 8);
    snprintf(wanted, sizeof(wanted), "failed: %d", ENOENT);
    cr_assert_str_eq(said, wanted);
}

/* What a child that cannot begin says, which has the program and at most so many descriptors. */
static void end_early(const char *program, rlim_t descriptors, int wanted, char text[256])
{
    struct spawn spawn = {.program = program, .role = "worker", .second = -1};
    const struct rlimit limit = {descriptors, descriptors};
    int status = -1;
    int ends[2];
    ssize_t len;
    pid_t pid;

    cr_assert_eq(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        spawn.channel = dup2(ends[1], 20);
        dup2(ends[1], STDERR_FILENO);
        setrlimit(RLIMIT_NOFILE, &limit);
        pid = spawn_role(&spawn);
        _exit(waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 1);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    len = read(ends[0], text, 255);
    text[len > 0 ? len : 0] = '\0';
    cr_assert_eq(WEXITSTATUS(status), wanted);
    close(ends[0]);
    close(ends[1]);
}

Test(spawn, the_log_tells_why_a_child_cannot_begin)
{
    char text[256];

    end_early("/nowhere", 64, 127, text);
    cr_assert(strstr(text, "cannot start the worker: /nowhere: No such file or directory"), "%s",
              text);
    end_early("/bin/true", 3, 126, text);
    cr_assert(strstr(text, "cannot start the worker: cannot place its channel: "), "%s", text);
}
