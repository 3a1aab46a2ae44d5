/* SPDX-License-Identifier: MIT */
/* Opening a network namespace with care, and acting inside it. */
#include "netns_internal.h"

#include "base/descriptor.h"
#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

struct netns_home {
    int fd;
    struct netns_id id;
    struct netns_id user; /* the user namespace that we are in */
};

static struct netns_id netns_id_of(const struct stat *status)
{
    return (struct netns_id){status->st_dev, status->st_ino};
}

struct netns_home *netns_home_open(void)
{
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    struct netns_home *home;
    struct stat status;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) < 0) {
        descriptor_close(fd);
        return NULL;
    }
    home = memory_alloc(sizeof(*home));
    home->fd = fd;
    home->id = netns_id_of(&status);
    home->user = (struct netns_id){0};
    (void)netns_look("/proc/self/ns/user", &home->user); /* unknown, it owns nothing */
    return home;
}

void netns_home_close(struct netns_home *home)
{
    if (!home)
        return;
    close(home->fd);
    free(home);
}

struct netns_id netns_home_id(const struct netns_home *home)
{
    return home->id;
}

/* Fills in the reason and hands the verdict through. */
static enum netns_verdict netns_because(enum netns_verdict verdict, char why[NETNS_WHY],
                                        const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum netns_verdict netns_because(enum netns_verdict verdict, char why[NETNS_WHY],
                                        const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, NETNS_WHY, format, arguments);
    va_end(arguments);
    return verdict;
}

/* A process that has ended but was not waited for has no namespace any more: ENOENT or ESRCH. */
static bool netns_is_absence(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ESRCH;
}

/* What we are short of says nothing of the namespace. */
static enum netns_verdict netns_cannot_open(int error, char why[NETNS_WHY])
{
    bool absent = netns_is_absence(error);
    bool may_come = absent || error_is_shortage(error);

    return netns_because(may_come ? NETNS_OPEN_ABSENT : NETNS_OPEN_REFUSED, why, "%s",
                         absent ? "does not exist" : strerror(error));
}

static const char *netns_file_kind(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "a regular file";
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a FIFO";
    case S_IFSOCK:
        return "a socket";
    case S_IFCHR:
    case S_IFBLK:
        return "a device";
    default:
        return "another kind of file";
    }
}

static enum netns_verdict netns_not_nsfs(const struct stat *status, char why[NETNS_WHY])
{
    /* ip-netns(8) makes an empty file first and mounts the namespace over it afterwards. */
    if (S_ISREG(status->st_mode) && status->st_size == 0)
        return netns_because(NETNS_OPEN_ABSENT, why, "is only a placeholder file so far");
    return netns_because(NETNS_OPEN_REFUSED, why, "is %s, not a network namespace",
                         netns_file_kind(status->st_mode));
}

/* handle: an O_PATH descriptor, of which nothing has been read or run yet. */
static enum netns_verdict netns_check_handle(int handle, struct netns_id *id, char why[NETNS_WHY])
{
    struct statfs filesystem;
    struct stat status;

    if (fstat(handle, &status) < 0 || fstatfs(handle, &filesystem) < 0)
        return netns_cannot_open(errno, why);
    if (filesystem.f_type != NSFS_MAGIC)
        return netns_not_nsfs(&status, why);
    *id = netns_id_of(&status);
    return NETNS_OPEN_OK;
}

/* Opens what the handle holds, and not the path a second time, which may have been swapped. */
static int netns_reopen(int handle)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* A namespace made by an unprivileged user belongs to a user namespace of that user's, who is root
 * there: nothing that we were told to serve, unless it is the named process's own. */
static enum netns_verdict netns_check_owner(const struct netns_home *home, int fd,
                                            struct netns_id user, char why[NETNS_WHY])
{
    int owner = ioctl(fd, NS_GET_USERNS);
    struct stat status;
    bool is_known;

    if (owner < 0 && errno == EPERM) /* it is outside of ours */
        return netns_because(NETNS_OPEN_REFUSED, why, "belongs to a foreign user namespace");
    if (owner < 0)
        return netns_because(NETNS_OPEN_REFUSED, why, "NS_GET_USERNS: %s", strerror(errno));
    is_known = fstat(owner, &status) == 0;
    close(owner);
    if (is_known && (netns_id_equal(netns_id_of(&status), home->user) ||
                     netns_id_equal(netns_id_of(&status), user)))
        return NETNS_OPEN_OK;
    return netns_because(NETNS_OPEN_REFUSED, why, "belongs to another user namespace");
}

static enum netns_verdict netns_check_opened(const struct netns_home *home, int fd,
                                             struct netns_id id, char why[NETNS_WHY])
{
    int kind = ioctl(fd, NS_GET_NSTYPE);

    if (kind < 0)
        return netns_because(NETNS_OPEN_REFUSED, why, "NS_GET_NSTYPE: %s", strerror(errno));
    if (kind != CLONE_NEWNET)
        return netns_because(NETNS_OPEN_REFUSED, why,
                             "is a namespace, but not a network namespace");
    if (netns_id_equal(id, home->id))
        return netns_because(NETNS_OPEN_REFUSED, why, "is the host's own network namespace");
    return NETNS_OPEN_OK;
}

enum netns_verdict netns_open_target(const struct netns_home *home,
                                     const struct netns_target *target, int *fd,
                                     struct netns_id *id, char why[NETNS_WHY])
{
    int handle = open(target->path, O_PATH | O_CLOEXEC);
    enum netns_verdict verdict;

    *fd = -1;
    why[0] = '\0';
    if (handle < 0)
        return netns_cannot_open(errno, why);
    verdict = netns_check_handle(handle, id, why);
    if (verdict == NETNS_OPEN_OK) {
        *fd = netns_reopen(handle);
        verdict = *fd < 0 ? netns_cannot_open(errno, why) : netns_check_opened(home, *fd, *id, why);
    }
    if (verdict == NETNS_OPEN_OK)
        verdict = netns_check_owner(home, *fd, target->user, why);
    close(handle);
    if (verdict != NETNS_OPEN_OK && *fd >= 0) {
        *fd = descriptor_close(*fd);
    }
    return verdict;
}

enum netns_verdict netns_open(const struct netns_home *home, const char *path, int *fd,
                              struct netns_id *id, char why[NETNS_WHY])
{
    struct netns_target target = {.path = path};

    return netns_open_target(home, &target, fd, id, why);
}

int netns_look(const char *path, struct netns_id *id)
{
    struct stat status;

    *id = (struct netns_id){0};
    if (stat(path, &status) < 0)
        return errno == ENOMEM ? -1 : 0;
    *id = netns_id_of(&status);
    return 0;
}

/* Not through the log: its sink may be a socket, and this process must do nothing more here; least
 * of all wait for a reader of its last words. */
_Noreturn static void netns_lost(void)
{
    static const char text[] = "nsgate: cannot return to the host's network namespace, ending\n";
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};

    if (poll(&ready, 1, 0) == 1)
        (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(EXIT_FAILURE);
}

int netns_within(const struct netns_home *home, int fd, int (*act)(void *argument), void *argument)
{
    int result;
    int saved;

    if (setns(fd, CLONE_NEWNET) < 0)
        return ERROR_NETNS;
    result = act(argument);
    saved = errno;
    if (setns(home->fd, CLONE_NEWNET) < 0)
        netns_lost();
    errno = saved;
    return result;
}
