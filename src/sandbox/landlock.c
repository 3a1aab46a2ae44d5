/* SPDX-License-Identifier: MIT */
/* The files that a process may open, and whom it may signal or call, held by Landlock. */
#include "sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* landlock(7). The headers that we are built with may be older than the kernel that we run on. */
struct ruleset {
    uint64_t handled_files;
    uint64_t handled_net; /* since version 4 */
    uint64_t scoped;      /* since version 6 */
};

struct path_rule {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

#define VERSION_ASKED 1 /* LANDLOCK_CREATE_RULESET_VERSION */
#define PATH_BENEATH  1 /* LANDLOCK_RULE_PATH_BENEATH */
#define READ_FILE     (1 << 2)
#define READ_DIR      (1 << 3)
#define BIND_TCP      (1 << 0)
#define SCOPES        3 /* abstract Unix sockets and signals: none outside */

#ifndef SYS_landlock_create_ruleset /* one number for all architectures, as of all newer calls */
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

/* Every right over files that each version knows. */
static uint64_t landlock_files(long version)
{
    static const unsigned rights[] = {13, 14, 15, 15, 16};
    const long most = sizeof(rights) / sizeof(rights[0]);

    return (1ull << rights[(version < most ? version : most) - 1]) - 1;
}

static int landlock_make(long version)
{
    struct ruleset ruleset = {.handled_files = landlock_files(version)};
    size_t size = sizeof(ruleset.handled_files);

    if (version >= 4) {
        ruleset.handled_net = BIND_TCP;
        size = offsetof(struct ruleset, scoped);
    }
    if (version >= 6) {
        ruleset.scoped = SCOPES;
        size = sizeof(ruleset);
    }
    return (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
}

/* A file, or all below a folder, for reading. What is not there cannot be allowed, and need not. */
static void landlock_allow(int ruleset, const char *path)
{
    struct path_rule rule = {.fd = open(path, O_PATH | O_CLOEXEC)};
    struct stat status;

    if (rule.fd < 0)
        return;
    rule.allowed = READ_FILE;
    if (fstat(rule.fd, &status) == 0 && S_ISDIR(status.st_mode))
        rule.allowed |= READ_DIR;
    (void)syscall(SYS_landlock_add_rule, ruleset, PATH_BENEATH, &rule, 0);
    close(rule.fd);
}

/* A file that may be replaced by another of its name: all of its folder, wherever links lead. */
static void landlock_allow_beside(int ruleset, const char *path)
{
    char *real = realpath(path, NULL);
    char *slash = real ? strrchr(real, '/') : NULL;

    if (slash && slash != real) {
        *slash = '\0';
        landlock_allow(ruleset, real);
    }
    free(real);
}

/* What c-ares reads whenever it begins anew. */
static void landlock_allow_names(int ruleset)
{
    landlock_allow(ruleset, "/etc");
    landlock_allow_beside(ruleset, "/etc/resolv.conf");
    landlock_allow_beside(ruleset, "/etc/hosts");
    landlock_allow(ruleset, "/dev/urandom");
}

int landlock_enter(enum sandbox_role role, const char **why)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_ASKED);
    int ruleset;
    int result;

    if (version <= 0) /* not in the kernel, not switched on, or not for us in the container */
        return 0;
    ruleset = landlock_make(version);
    if (ruleset < 0) {
        *why = "landlock_create_ruleset";
        return -1;
    }
    if (role == SANDBOX_RESOLVER)
        landlock_allow_names(ruleset);
    result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
    if (result < 0)
        *why = "landlock_restrict_self";
    close(ruleset);
    return result < 0 ? -1 : (int)version;
}
