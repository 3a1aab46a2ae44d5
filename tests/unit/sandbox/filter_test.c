/* SPDX-License-Identifier: MIT */
/* The filter that the kernel has: calls by role, and by their arguments. */
#include "rig.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if SANDBOX_IS_BUILT

#define ATTEMPT(name, call)                                                                        \
    static int name(void)                                                                          \
    {                                                                                              \
        return (long)(call) < 0 ? 1 : 0;                                                           \
    }

ATTEMPT(open_to_write, syscall(SYS_openat, AT_FDCWD, "/tmp/some", O_WRONLY | O_CREAT, 0600))
ATTEMPT(open_elsewhere, syscall(SYS_openat, 7, "some", O_RDONLY))
ATTEMPT(open_to_read, syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY))
ATTEMPT(look_at_path, syscall(SYS_newfstatat, AT_FDCWD, "/etc", NULL, 0))
ATTEMPT(make_raw, socket(AF_INET, SOCK_RAW, 1))
ATTEMPT(make_packet, socket(AF_PACKET, SOCK_RAW, 0))
ATTEMPT(make_netlink, socket(AF_NETLINK, SOCK_RAW, 0))
ATTEMPT(make_vsock, socket(AF_VSOCK, SOCK_STREAM, 0))
ATTEMPT(make_mptcp, socket(AF_INET, SOCK_STREAM, 262))
ATTEMPT(make_seqpacket, socket(AF_UNIX, SOCK_SEQPACKET, 0))
ATTEMPT(map_code, mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
ATTEMPT(protect_code, mprotect((void *)4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC))
ATTEMPT(make_code, memfd_create("some", 0))
ATTEMPT(unblock, fcntl(0, F_SETFL, 0))
ATTEMPT(own, fcntl(0, F_SETOWN, 1))
ATTEMPT(type_ahead, ioctl(0, TIOCSTI, "x"))
ATTEMPT(unblock_by_ioctl, ioctl(0, FIONBIO, NULL))
ATTEMPT(attach_filter, setsockopt(0, SOL_SOCKET, SO_ATTACH_FILTER, NULL, 0))
ATTEMPT(bind_to_device, setsockopt(0, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2))
ATTEMPT(kill_parent, kill(getppid(), 0))
ATTEMPT(kill_all, syscall(SYS_tgkill, -1, 1, SIGKILL))
ATTEMPT(kill_init, syscall(SYS_tgkill, 1, 1, 0))
ATTEMPT(change_limits, setrlimit(RLIMIT_NOFILE, &(struct rlimit){10, 10}))
ATTEMPT(make_process, fork())
ATTEMPT(be_dumpable, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
ATTEMPT(run_program, execl("/bin/true", "true", NULL))
ATTEMPT(name_host, syscall(SYS_uname, (char[512]){0}))

struct attempt {
    int (*act)(void);
    const char *call;
};

static const struct attempt refused[] = {
    {open_to_write, "openat"},
    {open_elsewhere, "openat"},
    {look_at_path, "newfstatat"},
    {make_raw, "socket"},
    {make_packet, "socket"},
    {make_netlink, "socket"},
    {make_vsock, "socket"},
    {make_mptcp, "socket"},
    {make_seqpacket, "socket"},
    {map_code, "mmap"},
    {protect_code, "mprotect"},
    {make_code, "memfd_create"},
    {unblock, "fcntl"},
    {own, "fcntl"},
    {type_ahead, "ioctl"},
    {unblock_by_ioctl, "ioctl"},
    {attach_filter, "setsockopt"},
    {bind_to_device, "setsockopt"},
    {kill_all, "tgkill"},
    {kill_init, "tgkill"},
    {change_limits, "prlimit64"},
    {be_dumpable, "prctl"},
    {run_program, "execve"},
};

static void expect_refused(enum sandbox_role role, const struct attempt *attempt)
{
    struct rig_end end = rig_run(role, SANDBOX_ON, attempt->act);

    cr_expect(rig_was_refused(&end, attempt->call), "%s: %d %s", attempt->call, end.status,
              end.log);
}

Test(filter, refuses_both_roles)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        expect_refused(SANDBOX_WORKER, &refused[i]);
        expect_refused(SANDBOX_RESOLVER, &refused[i]);
        expect_refused(SANDBOX_OBSERVER, &refused[i]);
    }
}

Test(filter, knows_the_roles_apart)
{
    struct rig_end end;

    expect_refused(SANDBOX_WORKER, &(struct attempt){open_to_read, "openat"});
    expect_refused(SANDBOX_WORKER, &(struct attempt){name_host, "uname"});
    expect_refused(SANDBOX_OBSERVER, &(struct attempt){open_to_read, "openat"});
    end = rig_run(SANDBOX_RESOLVER, SANDBOX_ON, open_to_read);
    cr_expect(rig_was_done(&end), "%s", end.log);
    end = rig_run(SANDBOX_RESOLVER, SANDBOX_ON, name_host);
    cr_expect(rig_was_done(&end), "%s", end.log);
}

/* By whatever call the C library does it. */
Test(filter, has_no_processes_but_itself)
{
    struct rig_end end = rig_run(SANDBOX_WORKER, SANDBOX_ON, make_process);

    cr_expect(rig_was_refused(&end, "clone") || rig_was_refused(&end, "clone3"), "%s", end.log);
    expect_refused(SANDBOX_WORKER, &(struct attempt){kill_parent, "getppid"});
}

#endif
