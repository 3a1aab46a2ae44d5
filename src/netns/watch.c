/* SPDX-License-Identifier: MIT */
/* Mounts by /proc/self/mountinfo, folders by inotify(7), both behind one epoll set. */
#include "netns/watch.h"

#include "base/descriptor.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <uthash.h>

#define WATCH_EVENTS                                                                               \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF |         \
     IN_ONLYDIR)
#define WATCH_BUFFER 4096

struct folder {
    UT_hash_handle hh; /* by path */
    unsigned paths;    /* that are minded in it */
    int place;         /* watch descriptor of it or of a parent; -1: none could be had */
    char path[];
};

struct netns_watch {
    int set; /* the epoll set, which is what others see */
    int mounts;
    int notices;
    struct folder *folders;
};

static int watch_join(const struct netns_watch *watch, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return fd < 0 ? -1 : epoll_ctl(watch->set, EPOLL_CTL_ADD, fd, &event);
}

struct netns_watch *netns_watch_new(void)
{
    struct netns_watch *watch = memory_zeroed(1, sizeof(*watch));

    watch->set = epoll_create1(EPOLL_CLOEXEC);
    watch->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    watch->notices = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    /* The file is always readable; a change of the mounts is "priority" (proc_pid_mounts(5)). */
    if (watch->set >= 0 && watch_join(watch, watch->mounts, EPOLLPRI) == 0 &&
        watch_join(watch, watch->notices, EPOLLIN) == 0)
        return watch;
    netns_watch_free(watch); /* errno stays */
    return NULL;
}

void netns_watch_free(struct netns_watch *watch)
{
    struct folder *folder;
    struct folder *next;

    if (!watch)
        return;
    HASH_ITER (hh, watch->folders, folder, next) {
        HASH_DEL(watch->folders, folder);
        free(folder);
    }
    descriptor_close(watch->set);
    descriptor_close(watch->mounts);
    descriptor_close(watch->notices);
    free(watch);
}

int netns_watch_fd(const struct netns_watch *watch)
{
    return watch->set;
}

/* ---- folders ---- */

/* Cuts the last name: "/a/b" becomes "/a", then "/". False when nothing is left to cut. */
static bool watch_cut(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash || path[1] == '\0')
        return false;
    slash[slash == path ? 1 : 0] = '\0';
    return true;
}

/* The same inode gives the same descriptor again, so that asking once more is how to learn whether
 * the folder is still the same. */
static int watch_find_place(const struct netns_watch *watch, const struct folder *folder)
{
    char path[PATH_MAX];
    int place;

    if (strlen(folder->path) >= sizeof(path))
        return -1;
    strcpy(path, folder->path); /* NOLINT(clang-analyzer-security.insecureAPI.strcpy): it fits */
    do {
        place = inotify_add_watch(watch->notices, path, WATCH_EVENTS);
    } while (place < 0 && errno != ENOSPC && errno != ENOMEM && watch_cut(path));
    return place;
}

/* Two folders may share a place: a parent of both, or one that has two paths. */
static void watch_leave_place(struct netns_watch *watch, int place)
{
    const struct folder *folder;

    for (folder = watch->folders; folder; folder = folder->hh.next) {
        if (folder->place == place)
            return;
    }
    if (place >= 0)
        (void)inotify_rm_watch(watch->notices, place); /* it may have gone with its folder */
}

static void watch_place(struct netns_watch *watch, struct folder *folder)
{
    int before = folder->place;

    folder->place = watch_find_place(watch, folder);
    if (folder->place != before)
        watch_leave_place(watch, before);
}

static size_t watch_folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');

    return !slash || slash == path ? 1 : (size_t)(slash - path);
}

static struct folder *watch_find(const struct netns_watch *watch, const char *path)
{
    struct folder *folder = NULL;

    HASH_FIND(hh, watch->folders, path, watch_folder_len(path), folder);
    return folder;
}

void netns_watch_add(struct netns_watch *watch, const char *path)
{
    struct folder *folder = watch_find(watch, path);
    size_t len = watch_folder_len(path);

    if (!folder) {
        folder = memory_zeroed(1, sizeof(*folder) + len + 1);
        memcpy(folder->path, path, len);
        folder->place = -1;
        HASH_ADD_KEYPTR(hh, watch->folders, folder->path, len, folder);
        watch_place(watch, folder);
    }
    folder->paths++;
}

void netns_watch_remove(struct netns_watch *watch, const char *path)
{
    struct folder *folder = watch_find(watch, path);
    int place;

    if (!folder || --folder->paths > 0)
        return;
    place = folder->place;
    HASH_DEL(watch->folders, folder);
    free(folder);
    watch_leave_place(watch, place);
}

/* ---- being woken ---- */

void netns_watch_take(struct netns_watch *watch)
{
    struct epoll_event events[2];
    char buffer[WATCH_BUFFER];
    struct folder *folder;

    (void)epoll_wait(watch->set, events, 2, 0); /* so that the mounts' wake-up is over */
    while (read(watch->notices, buffer, sizeof(buffer)) > 0)
        ; /* what it says is found by looking */
    for (folder = watch->folders; folder; folder = folder->hh.next)
        watch_place(watch, folder);
}
