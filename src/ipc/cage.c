/* SPDX-License-Identifier: MIT */
/* Drops a child's privileges, in the one order in which each step is still allowed. */
#include "ipc/cage.h"

#include "base/signal_hold.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
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

struct answer {
    struct cage_identity identity;
    int result;
    int error;
    const char *why; /* constant, and at the same place in both processes */
};

struct lookup {
    struct slice user, group;
    struct answer *answer; /* in memory of both: a gateway without free descriptors needs none */
    pid_t parent;
};

/* For a kernel or a seccomp filter that has no close_range(2). */
static void lookup_close_one_by_one(void)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        int fd = (int)strtol(entry->d_name, NULL, 10);

        if (fd > STDERR_FILENO && fd != dirfd(folder))
            close(fd);
    }
    if (folder)
        closedir(folder);
}

/* A name service may hang, and the gateway end meanwhile: then nothing is left that holds its pid
 * file, its sockets and its namespaces. */
static void lookup_detach(const struct lookup *lookup)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != lookup->parent)
        _exit(1);
    if (close_range(STDERR_FILENO + 1, ~0u, 0) < 0)
        lookup_close_one_by_one();
}

static void answer_write(const void *argument)
{
    const struct lookup *lookup = argument;
    struct answer *answer = lookup->answer;

    lookup_detach(lookup);
    answer->result = identity_find(&answer->identity, lookup->user, lookup->group, &answer->why);
    answer->error = errno;
    _exit(0);
}

static int64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Returns 0 when it has answered, or what has kept it from that. */
static int lookup_wait(pid_t pid)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    int64_t until = milliseconds() + LOOKUP_LIMIT;
    int status = 0;
    pid_t ended;

    while ((ended = waitpid(pid, &status, WNOHANG)) <= 0) {
        if (ended < 0 && errno != EINTR)
            return errno;
        if (milliseconds() >= until) {
            kill(pid, SIGKILL);
            while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                continue;
            return ETIMEDOUT;
        }
        nanosleep(&pause, NULL);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EIO;
}

/* In a process of its own: what the C library loads for it (nsswitch.conf(5)) is never unloaded,
 * and takes a quarter of a megabyte with systemd's. */
int cage_find(struct cage_identity *identity, struct slice user, struct slice group,
              const char **why)
{
    struct answer *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct lookup lookup = {.user = user, .group = group, .answer = shared, .parent = getpid()};
    struct answer answer;
    int error;
    pid_t pid;

    if (shared == MAP_FAILED)
        return fail(why, "mmap");
    pid = signal_hold_fork(answer_write, &lookup);
    error = pid > 0 ? lookup_wait(pid) : errno;
    answer = *shared;
    munmap(shared, sizeof(*shared));
    if (error != 0)
        answer =
            (struct answer){.result = -1, .error = error, .why = "the process that looks it up"};
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
