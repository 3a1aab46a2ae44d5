/* SPDX-License-Identifier: MIT */
/* The one list of system calls: which role makes which, and with what arguments. */
#include "sandbox_internal.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define W    SANDBOX_WORKER
#define R    SANDBOX_RESOLVER
#define BOTH (SANDBOX_WORKER | SANDBOX_RESOLVER)

#define ANY(name, roles)                                                                           \
    {                                                                                              \
        SCMP_SYS(name), (roles),                                                                   \
        {                                                                                          \
            {                                                                                      \
                0                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
#define RULE(name, roles, ...)                                                                     \
    {                                                                                              \
        SCMP_SYS(name), (roles),                                                                   \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

/* Conditions of argument n, of its lower half, which is all that the kernel takes of an int: it is
 * the value; is the value but for the bits; has none of the bits; has them. And of the whole: NULL.
 */
#define LOWER 0xffffffff
#define IS_BUT(n, bits, value)                                                                     \
    {                                                                                              \
        (n), SCMP_CMP_MASKED_EQ, LOWER & ~(scmp_datum_t)(bits), (uint32_t)(value)                  \
    }
#define IS(n, value) IS_BUT(n, 0, value)
#define LACKS(n, bits)                                                                             \
    {                                                                                              \
        (n), SCMP_CMP_MASKED_EQ, (bits), 0                                                         \
    }
#define HAS(n, bits)                                                                               \
    {                                                                                              \
        (n), SCMP_CMP_MASKED_EQ, (bits), (bits)                                                    \
    }
#define IS_NULL(n)                                                                                 \
    {                                                                                              \
        (n), SCMP_CMP_EQ, 0, 0                                                                     \
    }

/* What socket(2) takes beside the type. */
#define FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)
#define SOCKET(family, type, protocol)                                                             \
    RULE(socket, BOTH, IS(0, family), IS_BUT(1, FLAGS, type), IS(2, protocol))
#define SET(level, name) RULE(setsockopt, BOTH, IS(1, level), IS(2, name))
#define GET(level, name) RULE(getsockopt, BOTH, IS(1, level), IS(2, name))

/* Kernels since 5.11 keep the calls that are allowed whatever their arguments in a bitmap, so that
 * the filter does not run for them: no hot call has a condition. */
/* clang-format off */
const struct rule sandbox_rules[] = {
    /* ---- requests ---- */
    ANY(epoll_wait, BOTH),
    ANY(recvfrom, BOTH),
    ANY(sendto, BOTH),
    ANY(sendmsg, BOTH),
    ANY(readv, BOTH),
    ANY(read, BOTH),
    ANY(write, BOTH),
    ANY(writev, BOTH),
    ANY(epoll_ctl, BOTH),
    ANY(close, BOTH),
    ANY(accept4, W),
    ANY(connect, BOTH),
    ANY(shutdown, BOTH),
    ANY(recvmsg, BOTH),
    ANY(getsockname, BOTH),
    ANY(getpeername, BOTH),
    ANY(epoll_create1, BOTH),
    ANY(epoll_pwait, BOTH),
    ANY(epoll_pwait2, BOTH),
    /* Where the clock is not one that the vDSO can read. */
    ANY(clock_gettime, BOTH),
    ANY(gettimeofday, BOTH),
    ANY(time, BOTH),
    ANY(getrandom, BOTH),
    ANY(sysinfo, BOTH), /* qsort(3) asks how much memory there is */

    /* ---- memory: nothing that can be executed ---- */
    ANY(brk, BOTH),
    ANY(munmap, BOTH),
    ANY(mremap, BOTH),
    ANY(madvise, BOTH),
    RULE(mmap, BOTH, LACKS(2, PROT_EXEC)),
    RULE(mprotect, BOTH, LACKS(2, PROT_EXEC)),
    RULE(memfd_create, BOTH, IS(1, MFD_CLOEXEC | MFD_ALLOW_SEALING)),

    /* ---- sockets: of backends, syslog, name servers; in namespaces others make them ---- */
    SOCKET(AF_INET, SOCK_STREAM, 0),
    SOCKET(AF_INET6, SOCK_STREAM, 0),
    SOCKET(AF_INET, SOCK_DGRAM, 0),
    SOCKET(AF_INET6, SOCK_DGRAM, 0),
    SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
    SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
    SOCKET(AF_UNIX, SOCK_STREAM, 0),
    SOCKET(AF_UNIX, SOCK_DGRAM, 0),
    SET(IPPROTO_TCP, TCP_NODELAY),
    SET(IPPROTO_TCP, TCP_NOTSENT_LOWAT),
    SET(IPPROTO_TCP, TCP_USER_TIMEOUT),
    SET(IPPROTO_TCP, TCP_LINGER2),
    SET(SOL_SOCKET, SO_KEEPALIVE),
    SET(SOL_SOCKET, SO_LINGER),
    GET(SOL_SOCKET, SO_ERROR),
    GET(IPPROTO_TCP, TCP_INFO),

    /* ---- descriptors: O_NONBLOCK is set and never cleared, for others share them ---- */
    RULE(fcntl, BOTH, IS(1, F_DUPFD_CLOEXEC)),
    RULE(fcntl, BOTH, IS(1, F_GETFD)),
    RULE(fcntl, BOTH, IS(1, F_SETFD)),
    RULE(fcntl, BOTH, IS(1, F_GETFL)),
    RULE(fcntl, R, IS(1, F_SETFL), HAS(2, O_NONBLOCK)),
    RULE(fcntl, BOTH, IS(1, F_ADD_SEALS)),
    RULE(fcntl, BOTH, IS(1, F_GET_SEALS)),
    RULE(ioctl, BOTH, IS(1, SIOCOUTQ)),
    RULE(ioctl, BOTH, IS(1, SIOCGIFINDEX)),
    ANY(fstat, BOTH),
    RULE(newfstatat, BOTH, IS(3, AT_EMPTY_PATH)),
    RULE(prlimit64, BOTH, IS(0, 0), IS_NULL(2)),

    /* ---- files: what c-ares reads whenever it begins anew ---- */
    RULE(openat, R, IS(0, AT_FDCWD), IS_BUT(2, O_CLOEXEC, O_RDONLY)),
    ANY(uname, R),

    /* ---- the log ---- */
    ANY(poll, BOTH),
    ANY(pwritev2, BOTH),

    /* ---- the process: it may signal and end itself ---- */
    ANY(exit_group, BOTH),
    ANY(rt_sigreturn, BOTH),
    ANY(rt_sigprocmask, BOTH),
    ANY(restart_syscall, BOTH),
    ANY(futex, BOTH),
    ANY(getpid, BOTH),
    ANY(gettid, BOTH),
    RULE(tgkill, BOTH, IS(0, RULE_SELF)),
    RULE(rt_sigaction, BOTH, IS(0, SIGABRT)), /* abort(3) */
};
/* clang-format on */

const size_t sandbox_rule_count = sizeof(sandbox_rules) / sizeof(sandbox_rules[0]);
