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
#define O    SANDBOX_OBSERVER
#define BOTH (SANDBOX_WORKER | SANDBOX_RESOLVER)
#define ALL  (BOTH | SANDBOX_OBSERVER)

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
#define SOCKET_OF(roles, family, type, protocol)                                                   \
    RULE(socket, roles, IS(0, family), IS_BUT(1, FLAGS, type), IS(2, protocol))
#define SOCKET(family, type, protocol) SOCKET_OF(BOTH, family, type, protocol)
#define SET(level, name)               RULE(setsockopt, BOTH, IS(1, level), IS(2, name))
#define GET(level, name)               RULE(getsockopt, BOTH, IS(1, level), IS(2, name))

/* Kernels since 5.11 keep the calls that are allowed whatever their arguments in a bitmap, so that
 * the filter does not run for them: no hot call has a condition. */
/* clang-format off */
const struct rule sandbox_rules[] = {
    /* ---- requests ---- */
    ANY(epoll_wait, ALL),
    ANY(recvfrom, ALL),
    ANY(sendto, ALL),
    ANY(sendmsg, ALL),
    ANY(readv, ALL),
    ANY(read, ALL),
    ANY(write, ALL),
    ANY(writev, ALL),
    ANY(epoll_ctl, ALL),
    ANY(close, ALL),
    ANY(accept4, W | O),
    ANY(connect, ALL),
    ANY(shutdown, ALL),
    ANY(recvmsg, ALL),
    ANY(getsockname, BOTH),
    ANY(getpeername, ALL),
    ANY(epoll_create1, ALL),
    ANY(epoll_pwait, ALL),
    ANY(epoll_pwait2, ALL),
    /* Where the clock is not one that the vDSO can read. */
    ANY(clock_gettime, ALL),
    ANY(gettimeofday, ALL),
    ANY(time, ALL),
    ANY(getrandom, ALL),
    ANY(sysinfo, ALL), /* qsort(3) asks how much memory there is */

    /* ---- memory: nothing that can be executed ---- */
    ANY(brk, ALL),
    ANY(munmap, ALL),
    ANY(mremap, ALL),
    ANY(madvise, ALL),
    RULE(mmap, ALL, LACKS(2, PROT_EXEC)),
    RULE(mprotect, ALL, LACKS(2, PROT_EXEC)),
    RULE(memfd_create, BOTH, IS(1, MFD_CLOEXEC | MFD_ALLOW_SEALING)),

    /* ---- sockets: of backends, syslog, name servers; in namespaces others make them ---- */
    SOCKET(AF_INET, SOCK_STREAM, 0),
    SOCKET(AF_INET6, SOCK_STREAM, 0),
    SOCKET_OF(ALL, AF_INET, SOCK_DGRAM, 0),
    SOCKET_OF(ALL, AF_INET6, SOCK_DGRAM, 0),
    SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
    SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
    SOCKET(AF_UNIX, SOCK_STREAM, 0),
    SOCKET_OF(ALL, AF_UNIX, SOCK_DGRAM, 0),
    SET(IPPROTO_TCP, TCP_NODELAY),
    SET(IPPROTO_TCP, TCP_NOTSENT_LOWAT),
    SET(IPPROTO_TCP, TCP_USER_TIMEOUT),
    SET(IPPROTO_TCP, TCP_LINGER2),
    SET(SOL_SOCKET, SO_KEEPALIVE),
    SET(SOL_SOCKET, SO_LINGER),
    GET(SOL_SOCKET, SO_ERROR),
    GET(IPPROTO_TCP, TCP_INFO),

    /* ---- descriptors: O_NONBLOCK is set and never cleared, for others share them ---- */
    RULE(fcntl, ALL, IS(1, F_DUPFD_CLOEXEC)),
    RULE(fcntl, ALL, IS(1, F_GETFD)),
    RULE(fcntl, ALL, IS(1, F_SETFD)),
    RULE(fcntl, ALL, IS(1, F_GETFL)),
    RULE(fcntl, R, IS(1, F_SETFL), HAS(2, O_NONBLOCK)),
    RULE(fcntl, BOTH, IS(1, F_ADD_SEALS)),
    RULE(fcntl, ALL, IS(1, F_GET_SEALS)),
    RULE(ioctl, BOTH, IS(1, SIOCOUTQ)),
    RULE(ioctl, ALL, IS(1, SIOCGIFINDEX)),
    ANY(fstat, ALL),
    RULE(newfstatat, ALL, IS(3, AT_EMPTY_PATH)),
    RULE(prlimit64, ALL, IS(0, 0), IS_NULL(2)),

    /* ---- files: what c-ares reads whenever it begins anew ---- */
    RULE(openat, R, IS(0, AT_FDCWD), IS_BUT(2, O_CLOEXEC, O_RDONLY)),
    ANY(uname, R),

    /* ---- the log ---- */
    ANY(poll, ALL),
    ANY(pwritev2, ALL),

    /* ---- the process: it may signal and end itself ---- */
    ANY(exit_group, ALL),
    ANY(rt_sigreturn, ALL),
    ANY(rt_sigprocmask, ALL),
    ANY(restart_syscall, ALL),
    ANY(futex, ALL),
    ANY(getpid, ALL),
    ANY(gettid, ALL),
    RULE(tgkill, ALL, IS(0, RULE_SELF)),
    RULE(rt_sigaction, ALL, IS(0, SIGABRT)), /* abort(3) */
};
/* clang-format on */

const size_t sandbox_rule_count = sizeof(sandbox_rules) / sizeof(sandbox_rules[0]);
