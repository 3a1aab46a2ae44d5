/* SPDX-License-Identifier: MIT */
/* Drops a child's privileges, in the one order in which each step is still allowed. */
#include "ipc/cage.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NAME_LENGTH 256 /* LOGIN_NAME_MAX of limits.h */
#define GROUPS_MAX  64

struct identity {
    uid_t user;
    gid_t group;
    gid_t groups[GROUPS_MAX];
    int group_count;
};

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

/* Before anything is dropped: the files behind these calls may be closed to the new identity. */
static int identity_find(struct identity *identity, struct slice user, struct slice group,
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
        return fail(why, "getpwnam");
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
            return fail(why, "getgrnam");
        }
        identity->group = entry->gr_gid;
    }
    /* The supplementary groups open Unix sockets of backends, as initgroups(3) does for nginx. */
    identity->group_count = GROUPS_MAX;
    errno = E2BIG;
    if (getgrouplist(name, identity->group, identity->groups, &identity->group_count) < 0)
        return fail(why, "getgrouplist");
    return 0;
}

static int identity_take(const struct identity *identity, const char **why)
{
    bool is_there = getuid() == identity->user && geteuid() == identity->user &&
                    getgid() == identity->group && getegid() == identity->group;
    if (setgroups((size_t)identity->group_count, identity->groups) != 0 && !is_there)
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

int cage_enter(struct slice user, struct slice group, const char **why)
{
    struct identity identity = {0};
    if (user.len > 0 && identity_find(&identity, user, group, why) != 0)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(why, "PR_SET_NO_NEW_PRIVS");
    if (bounds_drop(why) != 0)
        return -1;
    if (user.len > 0 && identity_take(&identity, why) != 0)
        return -1;
    /* Leaving uid 0 has dropped most of it already; not so when the user is root, and not the
     * ambient set. */
    capng_clear(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT);
    if (capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) != 0)
        return fail(why, "capset");
    errno = EPERM;
    if (user.len > 0 && identity.user != 0 && (setuid(0) == 0 || seteuid(0) == 0))
        return fail(why, "leaving root for good");
    /* Last: setresuid(2) sets it anew. No ptrace by the same user, no core with keys in it. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail(why, "PR_SET_DUMPABLE");
    return 0;
}
