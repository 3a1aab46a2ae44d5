/* SPDX-License-Identifier: MIT */
/* The resolver process: its cage, its manners, and that it goes when the supervisor goes. */
#include "resolver/rig.h"

#include "ipc/body.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const char TEXT[] = "netns acme;\nserver { listen 1.1.1.1:80; return 200 a; }\n";

/* The value behind `name` in /proc/PID/status. */
static void read_status(pid_t pid, const char *name, char *value, size_t size)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    cr_assert(file);
    value[0] = '\0';
    while (fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            snprintf(value, size, "%s", line + strlen(name) + 2);
    }
    fclose(file);
}

Test(resolver, drops_everything_before_it_is_ready)
{
    struct rig rig;
    char value[256];
    rig_start(&rig, true);
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapAmb"};
    for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
        read_status(rig.pid, sets[i], value, sizeof(value));
        cr_expect_str_eq(value, "0000000000000000\n", "%s", sets[i]);
    }
    read_status(rig.pid, "NoNewPrivs", value, sizeof(value));
    cr_expect_str_eq(value, "1\n");
    if (getuid() == 0) {
        read_status(rig.pid, "CapBnd", value, sizeof(value));
        cr_expect_str_eq(value, "0000000000000000\n");
        read_status(rig.pid, "Uid", value, sizeof(value));
        cr_expect_str_eq(value, "65534\t65534\t65534\t65534\n");
        read_status(rig.pid, "Gid", value, sizeof(value));
        cr_expect_str_eq(value, "65534\t65534\t65534\t65534\n");
    }
    cr_expect_eq(rig_end(&rig), 0);
}

/* setresuid(2) takes -1 for "leave it as it is": the cage must not. */
Test(resolver, an_identity_that_changes_nothing_ends_it)
{
    struct rig rig;
    struct wire_writer body;
    if (getuid() != 0)
        cr_skip_test("needs root");
    rig_start(&rig, false);
    struct ipc_setup setup = {.identity = {.user = (uid_t)-1, .group = (gid_t)-1},
                              .log_level = LOG_LEVEL_ERROR};
    wire_writer_init(&body);
    ipc_put_setup(&body, &setup);
    rig_send(&rig, IPC_SETUP, &body, (struct slice){0});
    wire_writer_free(&body);
    cr_expect(rig_wait_gone(&rig));
    cr_expect_not(rig.is_ready);
    cr_expect_eq(rig_end(&rig), 1);
}

Test(resolver, examines_nothing_with_privileges)
{
    struct rig rig;
    rig_start(&rig, false);
    rig_examine(&rig, 1, TEXT, NULL, 0);
    cr_expect(rig_wait_gone(&rig));
    cr_expect_eq(rig.count, 0);
    rig_end(&rig);
}

Test(resolver, hostile_bundles_are_answered_and_it_goes_on)
{
    struct rig rig;
    struct wire_writer body;
    rig_start(&rig, true);
    wire_writer_init(&body);
    ipc_put_serial(&body, &(struct ipc_serial){7});
    rig_send(&rig, IPC_EXAMINE, &body, SLICE("this is no bundle"));
    wire_writer_free(&body);
    rig_examine(&rig, 8, TEXT, NULL, 0);
    cr_assert(rig_wait(&rig, 2));
    cr_expect_not(rig_outcome(&rig, 7)->usable);
    cr_expect_eq(rig_outcome(&rig, 7)->diags.errors, 1);
    cr_expect_eq(rig_outcome(&rig, 7)->size, 0);
    cr_expect(rig_outcome(&rig, 8)->usable);
    cr_expect_eq(rig_end(&rig), 0);
}

Test(resolver, switches_its_log)
{
    struct rig rig;
    struct wire_writer body;
    rig_start(&rig, true);
    wire_writer_init(&body);
    ipc_put_log(&body, &(struct ipc_log){LOG_LEVEL_ERROR, LOG_SINK_STDERR});
    rig_send(&rig, IPC_LOG, &body, (struct slice){0});
    wire_writer_free(&body);
    rig_examine(&rig, 1, TEXT, NULL, 0);
    cr_expect(rig_wait(&rig, 1));
    cr_expect_eq(rig_end(&rig), 0);
}

Test(resolver, one_that_has_done_its_work_leaves_without_a_word)
{
    struct rig rig;
    struct wire_writer body;
    char logged[4096] = {0};
    int log = memfd_create("log", MFD_CLOEXEC);
    dup2(log, STDERR_FILENO);
    rig_start(&rig, true);
    wire_writer_init(&body);
    ipc_put_log(&body, &(struct ipc_log){LOG_LEVEL_INFO, LOG_SINK_STDERR});
    rig_send(&rig, IPC_LOG, &body, (struct slice){0});
    wire_writer_free(&body);
    rig_examine(&rig, 1, TEXT, NULL, 0);
    cr_assert(rig_wait(&rig, 1));
    cr_assert_eq(rig_end(&rig), 0);
    cr_assert_geq(pread(log, logged, sizeof(logged) - 1, 0), 0);
    cr_expect_str_eq(logged, "");
    close(log);
}

Test(resolver, a_ping_is_answered)
{
    struct rig rig;
    struct wire_writer body;
    rig_start(&rig, true);
    wire_writer_init(&body);
    ipc_put_serial(&body, &(struct ipc_serial){42});
    rig_send(&rig, IPC_PING, &body, (struct slice){0});
    wire_writer_free(&body);
    rig_examine(&rig, 1, TEXT, NULL, 0);
    cr_expect(rig_wait(&rig, 1));
    cr_expect_eq(rig.pong, 42);
    cr_expect_eq(rig_end(&rig), 0);
}

/* ---- containers ---- */

Test(resolver, asks_for_connections_and_tells_why_there_is_none)
{
    struct rig rig;
    rig_start(&rig, true);
    rig_say_container(&rig, IPC_CONTAINER_FOLLOW, "web");
    cr_assert(rig_wait_connects(&rig, 1));
    rig_give_socket(&rig, -1, ENOENT);
    cr_expect(rig_wait_container(
        &rig, "web 0 |cannot connect to the container engine: No such file or directory "
              "(/run/engine.sock)"));
    cr_expect(rig_wait_connects(&rig, 2), "it tries again");
    rig_say_container(&rig, IPC_CONTAINER_FORGET, "web");
    rig_examine(&rig, 1, TEXT, NULL, 0);
    cr_expect(rig_wait(&rig, 1), "and examines meanwhile");
    cr_expect_eq(rig_end(&rig), 0);
}

Test(resolver, speaks_with_the_engine_over_what_it_is_given)
{
    static const char EVENTS[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n"
                                 "{\"State\":{\"Running\":true,\"Pid\":17},"
                                 "\"NetworkSettings\":{\"SandboxKey\":\"/run/netns/netns-0a\"}}";
    struct rig rig;
    int events[2], answer[2];
    rig_start(&rig, true);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, events), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, answer), 0);
    cr_assert_eq(write(events[1], EVENTS, sizeof(EVENTS) - 1), (ssize_t)sizeof(EVENTS) - 1);
    cr_assert_eq(write(answer[1], ANSWER, sizeof(ANSWER) - 1), (ssize_t)sizeof(ANSWER) - 1);
    rig_say_container(&rig, IPC_CONTAINER_FOLLOW, "web");
    cr_assert(rig_wait_connects(&rig, 1));
    rig_give_socket(&rig, events[0], 0);
    cr_assert(rig_wait_connects(&rig, 2));
    rig_give_socket(&rig, answer[0], 0);
    cr_expect(rig_wait_container(&rig, "web 17 /run/netns/netns-0a|"));
    cr_expect_eq(rig_end(&rig), 0);
    close(events[1]);
    close(answer[1]);
}

/* The supervisor never says such things: who does is not it. */
Test(resolver, malformed_words_about_containers_end_it)
{
    static const char *const wrong[] = {"", "../x", "a/b", "-a", "a b", "a?b", "a%2fb"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct rig rig;
        rig_start(&rig, true);
        rig_say_container(&rig, IPC_CONTAINER_FOLLOW, wrong[i]);
        cr_expect(rig_wait_gone(&rig), "%s", wrong[i]);
        rig_end(&rig);
    }
}
