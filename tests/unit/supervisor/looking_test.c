/* SPDX-License-Identifier: MIT */
/* When namespaces are looked for: at once, but never all the time. */
#include "supervisor/supervisor_internal.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static struct supervisor supervisor;
static char folder[] = "/tmp/nsg-looking-XXXXXX";

static void begin(void)
{
    cr_assert_not_null(mkdtemp(folder));
    loop_init(&supervisor.loop);
    namespaces_init(&supervisor);
    namespaces_start(&supervisor);
}

static void end(void)
{
    namespaces_stop(&supervisor);
    loop_free(&supervisor.loop);
    rmdir(folder);
}

TestSuite(looking, .init = begin, .fini = end);

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
    struct plan_netns place = {NETNS_PATH, path, 0, path};

    *use = (struct namespace_use){.purpose = NAMESPACE_BACKENDS};
    namespace_take(&supervisor, use, &place);
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
        ev_run(supervisor.loop.ev, EVRUN_NOWAIT);
        usleep(1000);
    }
    return namespace->seen.inode != 0;
}

Test(looking, an_event_leads_to_a_look)
{
    struct place user = {0};

    take(&user.use, "a");
    cr_assert_eq(user.use.namespace->seen.inode, 0);
    make_file("a");
    cr_assert(appears(user.use.namespace, 1.0), "before the backstop");
    unlink(in_folder("a"));
    namespace_release(&user.use);
}

Test(looking, the_backstop_alone)
{
    struct place user = {0};

    ev_io_stop(supervisor.loop.ev, &supervisor.namespaces.event);
    take(&user.use, "a");
    make_file("a");
    cr_assert(appears(user.use.namespace, 5.0));
    unlink(in_folder("a"));
    namespace_release(&user.use);
}

Test(looking, soon)
{
    struct place user = {0};

    ev_timer_stop(supervisor.loop.ev, &supervisor.namespaces.backstop);
    take(&user.use, "a");
    ev_io_stop(supervisor.loop.ev, &supervisor.namespaces.event);
    make_file("a");
    namespaces_look_soon(&supervisor);
    namespaces_look_soon(&supervisor);
    cr_assert(appears(user.use.namespace, 1.0));
    cr_assert_not(supervisor.namespaces.is_all_wanted);
    unlink(in_folder("a"));
    namespace_release(&user.use);
}

/* A folder in which something happens all the time costs a tenth of a core, not all of it. */
Test(looking, a_storm_of_events)
{
    enum { COUNT = 2000 };
    static struct place users[COUNT];
    struct rusage before;
    struct rusage after;
    char name[32];
    double begun;
    double used;

    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "ns%d", i);
        take(&users[i].use, name);
    }
    getrusage(RUSAGE_SELF, &before);
    begun = seconds();
    while (seconds() - begun < 1.0) {
        make_file("storm");
        unlink(in_folder("storm"));
        for (int turn = 0; turn < 5; turn++) {
            ev_run(supervisor.loop.ev, EVRUN_NOWAIT);
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
        namespace_release(&users[i].use);
}

Test(looking, it_stops)
{
    struct place user = {0};

    take(&user.use, "a");
    namespaces_stop(&supervisor);
    namespaces_stop(&supervisor);
    namespace_release(&user.use); /* the watch is gone before it */
    cr_assert_null(supervisor.namespaces.all);
}
