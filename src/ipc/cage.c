/* SPDX-License-Identifier: MIT */
/* Drops a child's privileges, in the one order in which each step is still allowed. */
#include "ipc/cage.h"

#include "base/signal_hold.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAME_LENGTH  256   /* LOGIN_NAME_MAX of limits.h */
#define LOOKUP_LIMIT 10000 /* milliseconds for the name service, which the gateway waits for */

static int fail(const char **why, const char *step)
{
    *why = step;
    return -1;
}

static int copy_name(char name[NAME_LENGTH], struct slice from)
{
    if (from.len == 0 || from.len >= NAME_LENGTH || memchr(from.data, '\0', from.len))
        return -1;
    memcpy(name, from.data, from.len);
    name[from.len] = '\0';
    return 0;
}

/* ---- looking up ---- */

static int identity_find(struct cage_identity *identity, struct slice user, struct slice group,
                         const char **why)
{
    char name[NAME_LENGTH];
    errno = EINVAL;
    if (copy_name(name, user) != 0)
        return fail(why, "the user's name");
    errno = 0;
    const struct passwd *found = getpwnam(name);
    if (!found) {
        errno = errno ? errno : ENOENT;
        return fail(why, "the user");
    }
    identity->user = found->pw_uid;
    identity->group = found->pw_gid;
    if (group.len > 0) {
        char group_name[NAME_LENGTH];
        errno = EINVAL;
        if (copy_name(group_name, group) != 0)
            return fail(why, "the group's name");
        errno = 0;
        const struct group *entry = getgrnam(group_name);
        if (!entry) {
            errno = errno ? errno : ENOENT;
            return fail(why, "the group");
        }
        identity->group = entry->gr_gid;
    }
    int count = CAGE_GROUPS_MAX;
    errno = E2BIG;
    if (getgrouplist(name, identity->group, identity->groups, &count) < 0)
        return fail(why, "getgrouplist");
    identity->group_count = (uint32_t)count;
    return 0;
}

struct lookup {
    struct slice user, group;
    int answer; /* where the answer is written */
    pid_t parent;
};

struct answer {
    struct cage_identity identity;
    int result;
    int error;
    const char *why; /* constant, and at the same place in both processes */
};

/* For a kernel or a seccomp filter that has no close_range(2). */
static void lookup_close_one_by_one(int kept)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        int fd = (int)strtol(entry->d_name, NULL, 10);

        if (fd > STDERR_FILENO && fd != kept && fd != dirfd(folder))
            close(fd);
    }
    if (folder)
        closedir(folder);
}

/* A name service may hang, and the gateway end meanwhile: then nothing is left that holds its pid
 * file, its sockets and its namespaces. */
static void lookup_detach(const struct lookup *lookup)
{
    unsigned answer = (unsigned)lookup->answer;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != lookup->parent)
        _exit(1);
    if (close_range(answer + 1, ~0u, 0) < 0 ||
        (answer > STDERR_FILENO + 1 && close_range(STDERR_FILENO + 1, answer - 1, 0) < 0))
        lookup_close_one_by_one(lookup->answer);
}

static void answer_write(const void *argument)
{
    const struct lookup *lookup = argument;
    struct answer answer = {0};

    lookup_detach(lookup);
    answer.result = identity_find(&answer.identity, lookup->user, lookup->group, &answer.why);
    answer.error = errno;
    _exit(write(lookup->answer, &answer, sizeof(answer)) == (ssize_t)sizeof(answer) ? 0 : 1);
}

static int64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Returns 0, or what has kept it from answering. */
static int answer_read(int fd, struct answer *answer)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    int64_t until = milliseconds() + LOOKUP_LIMIT;
    int64_t left = LOOKUP_LIMIT;
    int ready;
    ssize_t got;

    while ((ready = poll(&end, 1, (int)left)) < 0 && errno == EINTR)
        left = until > milliseconds() ? until - milliseconds() : 0;
    if (ready <= 0)
        return ready == 0 ? ETIMEDOUT : errno;
    got = read(fd, answer, sizeof(*answer)); /* it is less than a pipe takes at once */
    return got == (ssize_t)sizeof(*answer) ? 0 : EIO;
}

/* In a process of its own: what the C library loads for it (nsswitch.conf(5)) is never unloaded,
 * and takes a quarter of a megabyte with systemd's. */
int cage_find(struct cage_identity *identity, struct slice user, struct slice group,
              const char **why)
{
    static const char process[] = "the process that looks it up";
    struct answer answer = {.result = -1, .error = ECHILD, .why = process};
    struct lookup lookup = {.user = user, .group = group, .parent = getpid()};
    int ends[2];
    int error;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return fail(why, "pipe2");
    lookup.answer = ends[1];
    pid = signal_hold_fork(answer_write, &lookup);
    if (pid < 0)
        answer.error = errno;
    close(ends[1]);
    error = pid > 0 ? answer_read(ends[0], &answer) : 0;
    if (error != 0) {
        answer = (struct answer){.result = -1, .error = error, .why = process};
        kill(pid, SIGKILL);
    }
    close(ends[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    *identity = answer.identity;
    if (answer.result == 0)
        return 0;
    errno = answer.error;
    return fail(why, answer.why);
}

/* ---- entering ---- */

static int identity_take(const struct cage_identity *identity, const char **why)
{
    bool is_there = getuid() == identity->user && geteuid() == identity->user &&
                    getgid() == identity->group && getegid() == identity->group;
    if (setgroups(identity->group_count, identity->groups) != 0 && !is_there)
        return fail(why, "setgroups");
    if (setresgid(identity->group, identity->group, identity->group) != 0)
        return fail(why, "setresgid");
    if (setresuid(identity->user, identity->user, identity->user) != 0)
        return fail(why, "setresuid");
    return 0;
}

/* CAP_SETPCAP is what capabilities(7) asks for here; without it no_new_privs has to do. */
static int bounds_drop(const char **why)
{
    if (capng_get_caps_process() != 0)
        return fail(why, "capget");
    if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
        return 0;
    capng_clear(CAPNG_SELECT_BOUNDS);
    if (capng_apply(CAPNG_SELECT_BOUNDS) != 0)
        return fail(why, "the capability bounding set");
    return 0;
}

int cage_enter(const struct cage_identity *identity, const char **why)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(why, "PR_SET_NO_NEW_PRIVS");
    if (bounds_drop(why) != 0)
        return -1;
    if (!identity->keep && identity_take(identity, why) != 0)
        return -1;
    /* Leaving uid 0 has dropped most of it already; not so when the user is root, and not the
     * ambient set. */
    capng_clear(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
    if (capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) != 0)
        return fail(why, "capset");
    errno = EPERM;
    if (!identity->keep && identity->user != 0 && (setuid(0) == 0 || seteuid(0) == 0))
        return fail(why, "leaving root for good");
    /* Last: setresuid(2) sets it anew. No ptrace by the same user, no core with keys in it. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail(why, "PR_SET_DUMPABLE");
    return 0;
}

void cage_ignore_signals(void)
{
    static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2};

    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
}
