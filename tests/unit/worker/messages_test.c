/* SPDX-License-Identifier: MIT */
/* What the supervisor's messages do, also the malformed ones. */
#include "worker/process.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct process process;

static void start_serving(void)
{
    process_start(&process);
    process_setup(&process);
    process_send_tenant(&process, 1, "return 200 'one';");
    process_send_listener(&process);
    process_until(&process, process.committed == 1);
}

Test(messages, a_tenant_is_replaced_and_removed)
{
    start_serving();
    close(process_get(&process, "one"));
    process_send_tenant(&process, 2, "return 200 'two';");
    process_until(&process, process.committed == 2);
    close(process_get(&process, "two"));
    process_send_named(&process, IPC_TENANT_REMOVE, "acme", NULL);
    process_until(&process, process.committed == 99);
    process_send_tenant(&process, 3, "return 200 'three';");
    process_send_listener(&process);
    process_until(&process, process.committed == 3);
    close(process_get(&process, "three"));
    cr_assert_eq(process_end(&process), 0);
}

Test(messages, a_tenant_that_moves_is_handed_over)
{
    start_serving();
    int idle = process_get(&process, "one");
    process_until(&process, tally_total(process.tally, 5) == 1);
    process.moves = true;
    process_send_named(&process, IPC_TENANT_REMOVE, "acme", NULL);
    process_until(&process, process.committed == 99);
    cr_assert_eq(tally_total(process.tally, 5), 0);
    process_ask(&process, idle, "Connection: close");
    close(idle);
    cr_assert_eq(process_end(&process), 0);
}

Test(messages, a_listener_is_closed_and_given_again)
{
    start_serving();
    close(process_get(&process, "one"));
    process_send_named(&process, IPC_LISTENER_CLOSE, "acme", PROCESS_ADDRESS);
    process_send_named(&process, IPC_LISTENER_CLOSE, "nobody", PROCESS_ADDRESS);
    process_send_listener(&process);
    close(process_get(&process, "one"));
    cr_assert_eq(process_end(&process), 0);
}

/* Descriptors that the worker may have, from now on. */
static void limit_descriptors(unsigned count)
{
    struct rlimit limit;
    int status = 0;
    pid_t pid = fork();

    /* As the worker's user: not every root may change others' limits. */
    if (pid == 0) {
        bool is_like = setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0;

        if (!is_like || prlimit(process.pid, RLIMIT_NOFILE, NULL, &limit) < 0)
            _exit(1);
        limit.rlim_cur = count;
        _exit(prlimit(process.pid, RLIMIT_NOFILE, &limit, NULL) < 0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
}

/* The lowest number that is free. */
static unsigned first_free(void)
{
    char path[64];

    for (unsigned fd = 0;; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%u", (int)process.pid, fd);
        if (access(path, F_OK) != 0)
            return fd;
    }
}

Test(messages, a_listener_that_there_is_no_room_for_is_told_and_nothing_lost)
{
    start_serving();
    int busy = process_get(&process, "one");
    unsigned taken = process.taken;
    process_until(&process, tally_total(process.tally, 5) == 1);
    send(busy, "GET / HT", 8, MSG_NOSIGNAL); /* not idle any more */
    usleep(100000);
    limit_descriptors(first_free());
    process_send_listener(&process);
    process_until(&process, process.lacked == 1);
    cr_assert_eq(process.lack, EMFILE);
    cr_assert_eq(process.taken, taken);
    process_send_tenant(&process, 77, "return 200 'two';");
    process_until(&process, process.committed == 77);
    limit_descriptors(first_free() + 5);
    process_send_listener(&process);
    process_until(&process, process.lacked == 2); /* what is left is for connections */
    limit_descriptors(first_free() + 20);
    process_send_listener(&process);
    process_until(&process, process.taken == taken + 1);
    send(busy, "TP/1.1\r\nHost: a\r\n\r\n", 20, MSG_NOSIGNAL);
    char text[512] = "";
    cr_assert_gt(recv(busy, text, sizeof(text) - 1, 0), 0, "the connection is still there");
    close(busy);
    cr_assert_eq(process_end(&process), 0);
}

Test(messages, idle_connections_make_room_for_a_listener)
{
    start_serving();
    int idle = process_get(&process, "one");
    unsigned taken = process.taken;
    process_until(&process, tally_total(process.tally, 5) == 1);
    limit_descriptors(first_free());
    process_send_listener(&process);
    process_until(&process, process.taken == taken + 1);
    cr_assert_eq(process.lacked, 0);
    cr_assert_eq(tally_total(process.tally, 5), 0);
    close(idle);
    cr_assert_eq(process_end(&process), 0);
}

Test(messages, no_more_room_is_made_than_is_needed)
{
    start_serving();
    int idle[3];
    unsigned taken = process.taken;

    for (int i = 0; i < 3; i++)
        idle[i] = process_get(&process, "one");
    process_until(&process, tally_total(process.tally, 5) == 3);
    limit_descriptors(first_free());
    process_send_listener(&process);
    process_until(&process, process.taken == taken + 1);
    process_send_tenant(&process, 77, "return 200 'two';"); /* what was closed is gone by then */
    process_until(&process, process.committed == 77);
    cr_assert_eq(tally_total(process.tally, 5), 2);
    for (int i = 0; i < 3; i++)
        close(idle[i]);
    cr_assert_eq(process_end(&process), 0);
}

Test(messages, a_dead_listener_is_told)
{
    start_serving();
    close(process_get(&process, "one"));
    shutdown(process.listener, SHUT_RDWR);
    process_until(&process, process.dead == 1);
    cr_assert_eq(process.dead_error, EINVAL);
    process_send_listener(&process);
    close(process_get(&process, "one"));
    cr_assert_eq(process_end(&process), 0);
}

Test(messages, nothing_is_parsed_before_setup)
{
    process_start(&process);
    process_send_tenant(&process, 1, "return 200 'one';");
    process_until(&process, process.is_gone);
    cr_assert_eq(process.committed, 0);
    process_end(&process);
}

Test(messages, a_bundle_that_cannot_be_used_ends_the_worker)
{
    process_start(&process);
    process_setup(&process);
    process_send_raw_tenant(&process, 1, SLICE("no bundle at all"));
    process_until(&process, process.is_gone);
    cr_assert_eq(process.committed, 0);
    cr_assert_eq(process_end(&process), 1);
}

Test(messages, a_second_setup_is_against_the_rules)
{
    process_start(&process);
    process_setup(&process);
    struct tally *first = process.tally;
    struct wire_writer body;
    int fd = dup(0);

    wire_writer_init(&body);
    ipc_put_setup(&body, &(struct ipc_setup){.index = 1, .column = 1});
    ipc_send(process.channel, IPC_SETUP, &body,
             &(struct ipc_attachments){.descriptors = &fd, .descriptor_count = 1});
    wire_writer_free(&body);
    close(fd);
    process_until(&process, process.is_gone);
    cr_assert_eq(process.tally, first);
    process_end(&process);
}

Test(messages, the_log_may_be_given_anew)
{
    int ends[2];
    struct wire_writer body;

    start_serving();
    cr_assert_eq(pipe(ends), 0);
    wire_writer_init(&body);
    wire_put_u32(&body, LOG_LEVEL_INFO);
    wire_put_u8(&body, LOG_SINK_FILE);
    ipc_send(process.channel, IPC_LOG, &body,
             &(struct ipc_attachments){.descriptors = &ends[1], .descriptor_count = 1});
    wire_writer_free(&body);
    close(ends[1]);
    process_send_drain(&process, 1000, false);
    process_until(&process, process.is_gone);
    char text[256] = "";
    cr_assert_gt(read(ends[0], text, sizeof(text) - 1), 0);
    cr_assert(strstr(text, "worker 2: draining"), "%s", text);
    close(ends[0]);
    cr_assert_eq(process_end(&process), 0);
}

Test(messages, a_ping_is_answered)
{
    struct wire_writer body;

    process_start(&process);
    process_setup(&process);
    wire_writer_init(&body);
    wire_put_u64(&body, 42);
    ipc_send(process.channel, IPC_PING, &body, NULL);
    process_until(&process, process.pong == 42);
    wire_put_u8(&body, 0); /* too long */
    ipc_send(process.channel, IPC_PING, &body, NULL);
    process_until(&process, process.is_gone);
    wire_writer_free(&body);
    process_end(&process);
}
