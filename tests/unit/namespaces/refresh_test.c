/* SPDX-License-Identifier: MIT */
/* When namespaces are looked for: at once, but never all the time. */
#include "namespaces/namespaces.h"

#include "shared/namespaces.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct loop loop;
static struct namespaces namespaces;
static char folder[] = "/tmp/nsg-refresh-XXXXXX";

static void begin(void)
{
    cr_assert_not_null(mkdtemp(folder));
    loop_init(&loop);
    namespaces_init(&namespaces, &loop, &shared_namespaces_events, NULL);
    namespaces_start(&namespaces);
}

static void end(void)
{
    namespaces_free(&namespaces);
    loop_free(&loop);
    rmdir(folder);
}

TestSuite(refresh, .init = begin, .fini = end);

static const char *in_folder(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name)
{
    close(open(in_folder(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static void take(struct namespace_use *use, const char *name)
{
    char *path = (char *)in_folder(name);
    struct plan_netns named = {NETNS_PATH, path, 0, path};

    *use = (struct namespace_use){.on_change = shared_on_change};
    namespace_take(&namespaces, use, &named);
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool appears(const struct namespace *namespace, double patience)
{
    double until = seconds() + patience;

    while (namespace->seen.inode == 0 && seconds() < until) {
        ev_run(loop.ev, EVRUN_NOWAIT);
        usleep(1000);
    }
    return namespace->seen.inode != 0;
}

Test(refresh, an_event_leads_to_a_look)
{
    struct namespace_use user = {0};

    take(&user, "a");
    cr_assert_eq(user.namespace->seen.inode, 0);
    make_file("a");
    cr_assert(appears(user.namespace, 1.0), "before the backstop");
    unlink(in_folder("a"));
    namespace_release(&user);
}

Test(refresh, the_backstop_alone)
{
    struct namespace_use user = {0};

    ev_io_stop(loop.ev, &namespaces.event);
    take(&user, "a");
    make_file("a");
    cr_assert(appears(user.namespace, 5.0));
    unlink(in_folder("a"));
    namespace_release(&user);
}

Test(refresh, soon)
{
    struct namespace_use user = {0};

    ev_timer_stop(loop.ev, &namespaces.backstop);
    take(&user, "a");
    ev_io_stop(loop.ev, &namespaces.event);
    make_file("a");
    namespaces_refresh_soon(&namespaces);
    namespaces_refresh_soon(&namespaces);
    cr_assert(appears(user.namespace, 1.0));
    cr_assert_not(namespaces.is_all_wanted);
    unlink(in_folder("a"));
    namespace_release(&user);
}

/* A folder in which something happens all the time costs a tenth of a core, not all of it. */
Test(refresh, a_storm_of_events)
{
    enum { COUNT = 2000 };
    static struct namespace_use users[COUNT];
    struct rusage before;
    struct rusage after;
    char name[32];
    double begun;
    double used;

    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "ns%d", i);
        take(&users[i], name);
    }
    getrusage(RUSAGE_SELF, &before);
    begun = seconds();
    while (seconds() - begun < 1.0) {
        make_file("storm");
        unlink(in_folder("storm"));
        for (int turn = 0; turn < 5; turn++) {
            ev_run(loop.ev, EVRUN_NOWAIT);
            usleep(1000);
        }
    }
    getrusage(RUSAGE_SELF, &after);
    used = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
           (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
           (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6 +
           (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
    cr_assert_lt(used, 0.4, "%.3f s of CPU in a second, the storm itself included", used);
    for (int i = 0; i < COUNT; i++)
        namespace_release(&users[i]);
}

Test(refresh, it_stops)
{
    struct namespace_use user = {0};

    take(&user, "a");
    namespaces_stop(&namespaces);
    namespaces_stop(&namespaces);
    namespace_release(&user); /* the watch is gone before it */
    cr_assert_null(namespaces.all);
}
