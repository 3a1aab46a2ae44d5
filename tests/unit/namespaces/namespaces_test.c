/* SPDX-License-Identifier: MIT */
/* Names that are shared, and where they lead. */
#include "namespaces/namespaces.h"

#include "shared/namespaces.h"
#include "shared/netns.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct loop loop;
static struct namespaces namespaces;

static void begin(void)
{
    loop_init(&loop);
    namespaces_init(&namespaces, &loop, &shared_namespaces_events, NULL);
    cr_assert_eq(namespaces_open_home(&namespaces), 0);
}

static void end(void)
{
    namespaces_free(&namespaces);
    loop_free(&loop);
}

TestSuite(namespaces, .init = begin, .fini = end);

static struct namespace *take(struct namespace_use *use, enum config_netns_kind kind, pid_t pid,
                              const char *text)
{
    struct plan_netns named = {kind, kind == NETNS_PATH ? (char *)text : NULL, (uint32_t)pid,
                               (char *)text};

    *use = (struct namespace_use){.on_change = shared_on_change};
    namespace_take(&namespaces, use, &named);
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
    struct namespace_use a = {0};
    struct namespace_use b = {0};
    struct namespace_use host = {0};

    cr_assert_null(take(&host, NETNS_HOST, 0, "host"));
    namespace_release(&host);
    cr_assert_not_null(take(&a, NETNS_PATH, 0, "/nowhere/x"));
    cr_assert_eq(take(&b, NETNS_PATH, 0, "/nowhere/x"), a.namespace);
    cr_assert_eq(namespace_find(&namespaces, SLICE("/nowhere/x")), a.namespace);
    expect_open(a.namespace, NETNS_OPEN_ABSENT, "does not exist");
    namespace_release(&a);
    cr_assert_eq(namespace_find(&namespaces, SLICE("/nowhere/x")), b.namespace);
    namespace_release(&b);
    cr_assert_null(b.namespace);
    namespace_release(&b);
    cr_assert_null(namespace_find(&namespaces, SLICE("/nowhere/x")));
}

Test(namespaces, a_path)
{
    struct namespace_use user = {0};
    char path[64];
    pid_t child = test_netns_start(path);
    unsigned changes = 0;

    take(&user, NETNS_PATH, 0, path);
    expect_open(user.namespace, NETNS_OPEN_OK, "");
    test_netns_end(child);
    expect_open(user.namespace, NETNS_OPEN_ABSENT, "does not exist");
    user.owner = &changes;
    namespaces_refresh(&namespaces, false);
    cr_assert_eq(user.namespace->seen.inode, 0);
    cr_assert_eq(changes, 1);
    namespaces_refresh(&namespaces, false);
    cr_assert_eq(changes, 1, "it still leads nowhere");
    namespaces_refresh(&namespaces, true);
    cr_assert_eq(changes, 2, "a look at all tells all");
    namespace_release(&user);
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
    struct namespace_use user = {0};
    char path[64];
    pid_t child = test_netns_start(path);
    unsigned before = count_descriptors();

    namespaces.held_max = held_max;
    take(&user, NETNS_PID, child, "pid:x");
    cr_assert_eq(count_descriptors(), before + held_max);
    cr_assert_eq(namespaces.held, held_max);
    expect_open(user.namespace, NETNS_OPEN_OK, "");
    test_netns_end(child);
    if (held_max > 0)
        ev_run(loop.ev, EVRUN_ONCE);
    else
        namespaces_refresh(&namespaces, true);
    expect_open(user.namespace, NETNS_OPEN_ABSENT, "its process has ended");
    cr_assert_eq(user.namespace->seen.inode, 0);
    cr_assert_eq(namespaces.held, 0);
    cr_assert_eq(count_descriptors(), before);
    namespace_release(&user);
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
    struct namespace_use user = {0};
    char path[64];
    pid_t child = test_netns_start(path);

    namespaces.held_max = 9;
    take(&user, NETNS_PID, child, "pid:x");
    test_netns_end(child);
    namespaces_refresh(&namespaces, true);
    cr_assert_eq(user.namespace->pid, 0);
    child = test_netns_start(path);
    user.namespace->named = child; /* as if the kernel had given the number again */
    namespaces_refresh(&namespaces, true);
    expect_open(user.namespace, NETNS_OPEN_ABSENT, "its process has ended");
    namespaces_on_reload(&namespaces);
    expect_open(user.namespace, NETNS_OPEN_OK, "");
    namespace_release(&user);
    cr_assert_eq(namespaces.held, 0);
    test_netns_end(child);
}

/* What the containers' part does with one. */
Test(namespaces, from_process_to_process_to_path)
{
    struct namespace_use user = {0};
    char first_path[64];
    char second_path[64];
    pid_t first = test_netns_start(first_path);
    pid_t second = test_netns_start(second_path);
    struct namespace *namespace;

    namespaces.held_max = 9;
    namespace = take(&user, NETNS_NAME, 0, "web");
    expect_open(namespace, NETNS_OPEN_ABSENT, "does not exist");
    namespace_set_process(namespace, 0, "no engine");
    expect_open(namespace, NETNS_OPEN_ABSENT, "no engine");
    namespace_set_process(namespace, first, NULL);
    expect_open(namespace, NETNS_OPEN_OK, "");
    namespace_set_process(namespace, second, NULL);
    expect_open(namespace, NETNS_OPEN_OK, "");
    cr_assert_eq(namespace->process.pid, second);
    cr_assert_eq(namespaces.held, 1);
    namespace_set_path(namespace, first_path);
    expect_open(namespace, NETNS_OPEN_OK, "");
    cr_assert_eq(namespaces.held, 0);
    namespace_set_process(namespace, 0, "stopped");
    expect_open(namespace, NETNS_OPEN_ABSENT, "stopped");
    namespace_release(&user);
    test_netns_end(first);
    test_netns_end(second);
}

/* Those that a path of the configuration leads to are found without it. */
Test(namespaces, go_to_the_next_binary)
{
    struct namespace_use dead = {0};
    struct namespace_use path = {0};
    struct namespace_use other = {0};
    struct wire_writer writer;
    struct wire_reader reader;

    wire_writer_init(&writer);
    namespace_set_process(take(&dead, NETNS_PID, 17, "pid:17"), 0, "ended");
    take(&path, NETNS_PATH, 0, "/nowhere/x");
    namespace_set_path(take(&other, NETNS_CONTAINER, 0, "container:c"), "/nowhere/c");
    namespaces_put(&writer, &namespaces);
    namespace_set_process(dead.namespace, 0, "it is another one");
    namespace_release(&other);
    for (size_t len = 0; len < wire_written(&writer).len; len++) {
        wire_reader_init(&reader, slice_head(wire_written(&writer), len));
        namespaces_get(&reader, &namespaces);
        cr_assert(reader.failed);
    }
    wire_reader_init(&reader, wire_written(&writer));
    namespaces_get(&reader, &namespaces);
    cr_assert_eq(wire_finish(&reader), 0);
    expect_open(dead.namespace, NETNS_OPEN_ABSENT, "ended");
    cr_assert_null(namespace_find(&namespaces, SLICE("container:c")), "nobody uses it here");
    namespace_release(&dead);
    namespace_release(&path);
    wire_writer_free(&writer);
}
