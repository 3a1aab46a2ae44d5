/* SPDX-License-Identifier: MIT */
/* Names that are shared, and where they lead. */
#include "rig_netns.h"
#include "supervisor/supervisor_internal.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct supervisor supervisor;

static void begin(void)
{
    loop_init(&supervisor.loop);
    namespaces_init(&supervisor);
    supervisor.home = netns_home_open();
}

static void end(void)
{
    namespaces_stop(&supervisor);
    netns_home_close(supervisor.home);
    loop_free(&supervisor.loop);
}

TestSuite(namespaces, .init = begin, .fini = end);

static struct namespace *take(struct namespace_use *use, enum config_netns_kind kind, pid_t pid,
                              const char *text)
{
    struct plan_netns place = {kind, kind == NETNS_PATH ? (char *)text : NULL, (uint32_t)pid,
                               (char *)text};

    *use = (struct namespace_use){.purpose = NAMESPACE_BACKENDS};
    namespace_take(&supervisor, use, &place);
    return use->namespace;
}

static void expect_open(struct namespace *namespace, enum netns_verdict verdict, const char *reason)
{
    struct netns_id id;
    char why[160];
    int fd;

    cr_assert_eq(namespace_open(namespace, &fd, &id, why), verdict, "%s", why);
    cr_assert_str_eq(why, reason);
    cr_assert_eq(fd >= 0, verdict == NETNS_OPEN_OK);
    if (fd >= 0) {
        cr_assert_not(namespace_has_left(namespace, id));
        close(fd);
    }
}

Test(namespaces, one_name_is_one_namespace)
{
    struct place a = {0};
    struct place b = {0};
    struct place host = {0};

    cr_assert_null(take(&host.use, NETNS_HOST, 0, "host"));
    namespace_release(&host.use);
    cr_assert_not_null(take(&a.use, NETNS_PATH, 0, "/nowhere/x"));
    cr_assert_eq(take(&b.use, NETNS_PATH, 0, "/nowhere/x"), a.use.namespace);
    cr_assert_eq(namespace_find(&supervisor, SLICE("/nowhere/x")), a.use.namespace);
    expect_open(a.use.namespace, NETNS_OPEN_ABSENT, "does not exist");
    namespace_release(&a.use);
    cr_assert_eq(namespace_find(&supervisor, SLICE("/nowhere/x")), b.use.namespace);
    namespace_release(&b.use);
    cr_assert_null(b.use.namespace);
    namespace_release(&b.use);
    cr_assert_null(namespace_find(&supervisor, SLICE("/nowhere/x")));
}

Test(namespaces, a_path)
{
    struct place user = {0};
    char path[64];
    pid_t child = rig_netns_start(path);

    take(&user.use, NETNS_PATH, 0, path);
    expect_open(user.use.namespace, NETNS_OPEN_OK, "");
    rig_netns_end(child);
    expect_open(user.use.namespace, NETNS_OPEN_ABSENT, "does not exist");
    namespace_look(user.use.namespace, false);
    cr_assert_eq(user.use.namespace->seen.inode, 0);
    namespace_release(&user.use);
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void follow_a_process(unsigned held_max)
{
    struct place user = {0};
    char path[64];
    pid_t child = rig_netns_start(path);
    unsigned before = count_descriptors();

    supervisor.namespaces.held_max = held_max;
    take(&user.use, NETNS_PID, child, "pid:x");
    cr_assert_eq(count_descriptors(), before + held_max);
    cr_assert_eq(supervisor.namespaces.held, held_max);
    expect_open(user.use.namespace, NETNS_OPEN_OK, "");
    rig_netns_end(child);
    if (held_max > 0)
        ev_run(supervisor.loop.ev, EVRUN_ONCE);
    else
        namespaces_look(&supervisor, true);
    expect_open(user.use.namespace, NETNS_OPEN_ABSENT, "its process has ended");
    cr_assert_eq(user.use.namespace->seen.inode, 0);
    cr_assert_eq(supervisor.namespaces.held, 0);
    cr_assert_eq(count_descriptors(), before);
    namespace_release(&user.use);
}

Test(namespaces, a_process_with_a_descriptor)
{
    follow_a_process(1);
}

Test(namespaces, a_process_without_one)
{
    follow_a_process(0);
}

/* A number that has been somebody's is nobody's until a reload. */
Test(namespaces, an_ended_process_is_only_renewed_by_a_reload)
{
    struct place user = {0};
    char path[64];
    pid_t child = rig_netns_start(path);

    supervisor.namespaces.held_max = 9;
    take(&user.use, NETNS_PID, child, "pid:x");
    rig_netns_end(child);
    namespaces_look(&supervisor, true);
    cr_assert_eq(user.use.namespace->pid, 0);
    child = rig_netns_start(path);
    user.use.namespace->named = child; /* as if the kernel had given the number again */
    namespaces_look(&supervisor, true);
    expect_open(user.use.namespace, NETNS_OPEN_ABSENT, "its process has ended");
    namespaces_renew(&supervisor);
    expect_open(user.use.namespace, NETNS_OPEN_OK, "");
    namespace_release(&user.use);
    cr_assert_eq(supervisor.namespaces.held, 0);
    rig_netns_end(child);
}

/* What the containers' part does with one. */
Test(namespaces, from_process_to_process_to_path)
{
    struct place user = {0};
    char first_path[64];
    char second_path[64];
    pid_t first = rig_netns_start(first_path);
    pid_t second = rig_netns_start(second_path);
    struct namespace *namespace;

    supervisor.namespaces.held_max = 9;
    namespace = take(&user.use, NETNS_NAME, 0, "web");
    expect_open(namespace, NETNS_OPEN_ABSENT, "does not exist");
    namespace_set_process(namespace, 0, "no engine");
    expect_open(namespace, NETNS_OPEN_ABSENT, "no engine");
    namespace_set_process(namespace, first, NULL);
    expect_open(namespace, NETNS_OPEN_OK, "");
    namespace_set_process(namespace, second, NULL);
    expect_open(namespace, NETNS_OPEN_OK, "");
    cr_assert_eq(namespace->process.pid, second);
    cr_assert_eq(supervisor.namespaces.held, 1);
    namespace_set_path(namespace, first_path);
    expect_open(namespace, NETNS_OPEN_OK, "");
    cr_assert_eq(supervisor.namespaces.held, 0);
    namespace_set_process(namespace, 0, "stopped");
    expect_open(namespace, NETNS_OPEN_ABSENT, "stopped");
    namespace_release(&user.use);
    rig_netns_end(first);
    rig_netns_end(second);
}
