/* SPDX-License-Identifier: MIT */
/* Containers' namespaces: what the resolver is told, and what is made of its answers. */
#include "namespaces/containers.h"

#include "ipc/body.h"
#include "shared/namespaces.h"
#include "shared/netns.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ABSENT_PID 4194304 /* pid_max never gives it */

static struct loop loop;
static struct namespaces namespaces;
static struct ipc_channel *ours;     /* to the resolver */
static struct ipc_channel *resolver; /* the other end */
static unsigned changes;             /* of the number of containers */
static char heard[1024];             /* "FOLLOW web; SOCKET 0 1; " */
static int result;                   /* of the last message that the supervisor took */

static int on_words(void *owner, struct ipc_received *received)
{
    size_t len = strlen(heard);
    (void)owner;
    if (received->message == IPC_CONTAINER_SOCKET) {
        snprintf(heard + len, sizeof(heard) - len, "SOCKET %s %u; ",
                 error_reason((int)wire_get_u32(&received->body)), received->descriptor_count);
        return 0;
    }
    struct slice name = wire_get_slice(&received->body);
    snprintf(heard + len, sizeof(heard) - len, "%s %.*s; ",
             received->message == IPC_CONTAINER_FOLLOW ? "FOLLOW" : "FORGET", SLICE_PRINTF(name));
    return 0;
}

static int on_answer(void *owner, struct ipc_received *received)
{
    (void)owner;
    result = namespace_containers_on_message(&namespaces, received);
    return 0;
}

static void on_gone(void *owner, const char *reason)
{
    (void)owner;
    cr_assert_fail("%s", reason);
}

static void turn(void)
{
    for (int i = 0; i < 20; i++)
        ev_run(loop.ev, EVRUN_NOWAIT);
}

static void resolver_starts(void)
{
    static const struct ipc_events our_events = {.on_message = on_answer, .on_gone = on_gone};
    static const struct ipc_events their_events = {.on_message = on_words, .on_gone = on_gone};
    int sockets[2];
    cr_assert_eq(ipc_pair(sockets), 0);
    ours = ipc_channel_new(&loop, sockets[0], (struct ipc_ends){ROLE_SUPERVISOR, ROLE_RESOLVER},
                           &our_events, NULL);
    resolver = ipc_channel_new(&loop, sockets[1], (struct ipc_ends){ROLE_RESOLVER, ROLE_SUPERVISOR},
                               &their_events, NULL);
}

static void resolver_ends(void)
{
    ipc_channel_free(ours);
    ipc_channel_free(resolver);
    ours = NULL;
}

static void on_nothing(void *owner)
{
    (void)owner;
}

static void on_containers(void *owner)
{
    (void)owner;
    changes++;
}

static struct ipc_channel *our_channel(void *owner)
{
    (void)owner;
    return ours;
}

static void begin(void)
{
    static const struct namespaces_events events = {
        .on_backstop = on_nothing, .on_containers = on_containers, .resolver = our_channel};
    loop_init(&loop);
    namespaces_init(&namespaces, &loop, &events, NULL);
    cr_assert_eq(namespaces_open_home(&namespaces), 0);
    resolver_starts();
}

static void end(void)
{
    namespaces_free(&namespaces);
    resolver_ends();
    loop_free(&loop);
}

TestSuite(containers, .init = begin, .fini = end);

static struct namespace *take(struct namespace_use *use, const char *text)
{
    struct plan_netns named = {.kind = NETNS_CONTAINER, .text = (char *)text};
    *use = (struct namespace_use){.on_change = shared_on_change};
    namespace_take(&namespaces, use, &named);
    return use->namespace;
}

static void expect_heard(const char *words)
{
    turn();
    cr_expect_str_eq(heard, words);
    heard[0] = '\0';
}

static void answer(struct slice name, uint32_t pid, const char *path, const char *reason)
{
    const struct ipc_container body = {name, pid, slice_of(path), slice_of(reason)};

    result = 1;
    ipc_send_container(resolver, IPC_CONTAINER, &body, NULL);
    turn();
}

Test(containers, the_resolver_is_told_whom_to_follow)
{
    struct namespace_use a, b, again;
    take(&a, "container:a");
    take(&b, "container:b");
    take(&again, "container:a");
    expect_heard("FOLLOW a; FOLLOW b; ");
    cr_expect_eq(namespaces.containers, 2);
    cr_expect_eq(changes, 2);
    namespace_containers_on_resolver(&namespaces);
    expect_heard("FOLLOW a; FOLLOW b; ");
    namespace_containers_set_engine(&namespaces, SLICE("/run/other.sock"));
    expect_heard("FORGET a; FORGET b; FOLLOW a; FOLLOW b; ");
    namespace_release(&a);
    expect_heard("");
    namespace_release(&again);
    namespace_release(&b);
    expect_heard("FORGET a; FORGET b; ");
    cr_expect_eq(namespaces.containers, 0);
    cr_expect_eq(changes, 4);
}

Test(containers, without_a_resolver_nothing_is_lost)
{
    struct namespace_use use;
    resolver_ends();
    take(&use, "container:a");
    namespace_containers_set_engine(&namespaces, SLICE("/run/other.sock"));
    resolver_starts();
    namespace_containers_on_resolver(&namespaces);
    expect_heard("FOLLOW a; ");
    namespace_release(&use);
}

Test(containers, it_is_where_its_process_is)
{
    struct namespace_use use;
    struct namespace *namespace = take(&use, "container:web");
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when an assertion ends the test */
        pause();
        _exit(0);
    }
    cr_expect_str_eq(namespace->why, "the container engine has not answered yet");
    answer(SLICE("web"), (uint32_t)child, "/run/netns/x", "");
    cr_expect_eq(result, 0);
    cr_expect_eq(namespace->pid, child);
    cr_expect_null(namespace->path);
    answer(SLICE("web"), 0, "", "the container does not run");
    cr_expect_eq(namespace->pid, 0);
    cr_expect_str_eq(namespace->why, "the container does not run");
    answer(SLICE("stranger"), 1, "", "");
    cr_expect_eq(result, 0, "it may have been forgotten a moment ago");
    kill(child, SIGKILL);
    namespace_release(&use);
}

Test(containers, its_path_is_for_processes_that_are_not_here)
{
    struct namespace_use use;
    struct namespace *namespace = take(&use, "container:web");
    answer(SLICE("web"), ABSENT_PID, "/run/netns/x", "");
    cr_assert_not_null(namespace->path);
    cr_expect_str_eq(namespace->path, "/run/netns/x");
    answer(SLICE("web"), 0, "/run/netns/y", "");
    cr_expect_str_eq(namespace->path, "/run/netns/y");
    answer(SLICE("web"), ABSENT_PID, "", "");
    cr_expect_null(namespace->path);
    cr_expect_str_eq(namespace->why, "its process is none of this host's");
    namespace_release(&use);
}

/* A number is another process's where the engine lives elsewhere. */
Test(containers, a_process_that_its_path_contradicts)
{
    char inside[64];
    char held[64];
    pid_t child = test_netns_start(inside);
    struct namespace_use use;
    struct namespace *namespace = take(&use, "container:web");
    answer(SLICE("web"), (uint32_t)getpid(), inside, "");
    cr_assert_not_null(namespace->path);
    cr_expect_str_eq(namespace->path, inside);
    answer(SLICE("web"), (uint32_t)child, inside, "");
    cr_expect_eq(namespace->pid, child, "both lead to the same");
    snprintf(held, sizeof(held), "/proc/%d/status", (int)child);
    answer(SLICE("web"), (uint32_t)getpid(), held, "");
    cr_expect_eq(namespace->pid, getpid(),
                 "it is no namespace, as where mounts are the engine's own");
    test_netns_end(child);
    namespace_release(&use);
}

Test(containers, that_move_all_the_time_are_not_believed)
{
    struct namespace_use use;
    take(&use, "container:web");
    for (unsigned i = 0; i < 600; i++)
        answer(SLICE("web"), 0, "", i % 2 ? "one" : "other");
    cr_expect_eq(result, 0);
    for (unsigned i = 0; i < 600; i++)
        answer(SLICE("web"), 0, "", "the same");
    cr_expect_eq(result, 0, "what changes nothing is free");
    for (unsigned i = 0; i < 2000 && result == 0; i++)
        answer(SLICE("web"), 0, "", i % 2 ? "one" : "other");
    cr_expect_eq(result, ERROR_IPC);
    namespace_release(&use);
}

Test(containers, connections_for_who_takes_none_are_bounded)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct ipc_received question = {.message = IPC_CONTAINER_CONNECT};
    struct namespace_use use;
    unsigned asked = 0;
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/nsg-engine-%d", (int)getpid());
    namespace_containers_set_engine(&namespaces, slice_of(address.sun_path));
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(listener, 4096), 0);
    take(&use, "container:web");
    while (namespace_containers_on_message(&namespaces, &question) == 0 && asked < 100000)
        asked++;
    cr_expect_lt(asked, 100000);
    cr_expect_leq(ipc_channel_queued_descriptors(ours), 64);
    namespace_release(&use);
    close(listener);
    unlink(address.sun_path);
}

Test(containers, an_answer_that_breaks_the_rules)
{
    static const char *const paths[] = {"relative", "/a/../b", "/a/..", "/a\nb", "/a\x7f"};
    char text[512];
    struct namespace_use use;
    struct namespace *namespace = take(&use, "container:web");
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        answer(SLICE("web"), 0, paths[i], "");
        cr_expect_eq(result, ERROR_IPC, "%s", paths[i]);
    }
    memset(text, 'a', sizeof(text));
    text[0] = '/';
    text[256] = '\0';
    answer(SLICE("web"), 0, text, "");
    cr_expect_eq(result, ERROR_IPC, "a path that is too long");
    text[160] = '\0';
    answer(SLICE("web"), 0, "", text);
    cr_expect_eq(result, ERROR_IPC, "a reason that is too long");
    answer(SLICE("web"), ABSENT_PID + 1, "", "");
    cr_expect_eq(result, ERROR_IPC, "a pid that cannot be");
    answer(SLICE("a b"), 1, "", "");
    cr_expect_eq(result, ERROR_IPC, "a name that cannot be");
    answer(SLICE("we\0b"), 1, "", "");
    cr_expect_eq(result, ERROR_IPC);
    cr_expect_eq(namespace->pid, 0);
    cr_expect_null(namespace->path);
    namespace_release(&use);
}

Test(containers, connects_to_the_engine)
{
    struct namespace_use use;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/nsg-engine-%d", (int)getpid());
    namespace_containers_set_engine(&namespaces, slice_of(address.sun_path));
    ipc_send(resolver, IPC_CONTAINER_CONNECT, NULL, NULL);
    expect_heard("SOCKET Operation canceled 0; ");
    take(&use, "container:web");
    expect_heard("FOLLOW web; ");
    ipc_send(resolver, IPC_CONTAINER_CONNECT, NULL, NULL);
    expect_heard("SOCKET No such file or directory 0; ");
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ipc_send(resolver, IPC_CONTAINER_CONNECT, NULL, NULL);
    expect_heard("SOCKET Connection refused 0; ");
    cr_assert_eq(listen(listener, 0), 0);
    ipc_send(resolver, IPC_CONTAINER_CONNECT, NULL, NULL);
    turn();
    cr_expect(strstr(heard, " 1; "), "%s", heard);
    heard[0] = '\0';
    /* Nobody accepts: it does not wait. */
    ipc_send(resolver, IPC_CONTAINER_CONNECT, NULL, NULL);
    expect_heard("SOCKET Resource temporarily unavailable 0; ");
    namespace_containers_set_engine(&namespaces, SLICE(""));
    ipc_send(resolver, IPC_CONTAINER_CONNECT, NULL, NULL);
    turn();
    cr_expect(strstr(heard, "SOCKET "), "the usual places, whether there is one or not");
    namespace_release(&use);
    close(listener);
    unlink(address.sun_path);
}
