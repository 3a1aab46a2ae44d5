/* SPDX-License-Identifier: MIT */
/* Walks over all workers, and what they are told together. */
#include "children/crew.h"

#include <criterion/criterion.h>
#include <unistd.h>

Test(children, workers_of_both_generations_are_walked_over)
{
    struct child former[2] = {{.index = 0, .is_former = true}, {.index = 1, .is_former = true}};
    struct child *worker;
    struct crew crew;
    unsigned count = 0;

    crew_open(&crew, 2, 0);
    crew.children.handover.former = (struct generation){.workers = former, .count = 2};
    for (worker = children_first(&crew.children); worker;
         worker = children_next(&crew.children, worker), count++) {
        cr_assert_eq(worker->index, count % 2);
        cr_assert_eq(worker->is_former, count >= 2);
    }
    cr_assert_eq(count, 4);
    crew.children.present.count = 0;
    cr_assert_eq(children_first(&crew.children), &former[0], "they may be alone");
    crew.children.handover.former = (struct generation){0};
    cr_assert_null(children_first(&crew.children));
    crew_close(&crew);
}

Test(children, run_while_any_does)
{
    struct crew crew;

    crew_open(&crew, 2, 0);
    cr_assert_not(children_are_running(&crew.children));
    crew.workers[1].pid = 1;
    cr_assert(children_are_running(&crew.children));
    crew.workers[1].pid = 0;
    crew.children.resolver.pid = 1;
    cr_assert(children_are_running(&crew.children));
    children_stop(&crew.children);
    cr_assert(crew.workers[0].is_stopping && crew.workers[1].is_stopping);
    cr_assert(crew.children.resolver.is_stopping);
    crew_close(&crew);
}

/* A worker, as far as it is read. */
struct heard {
    enum ipc_message last;
    unsigned count;
};

static int on_message(void *owner, struct ipc_received *received)
{
    struct heard *heard = owner;

    heard->last = received->message;
    heard->count++;
    return 0;
}

static void on_gone(void *owner, const char *reason)
{
    (void)owner;
    (void)reason;
}

Test(children, a_listener_is_closed_by_those_who_may_hold_it)
{
    static const struct ipc_events events = {.on_message = on_message, .on_gone = on_gone};
    const struct ipc_listener_close body = {SLICE("a"), SLICE("127.0.0.1:1"), 0, 0};
    const struct ipc_sockets_stale stale = {SLICE("a"), SLICE("blue"), 0};
    struct ipc_channel *far[2];
    struct heard heard[2] = {0};
    struct crew crew;
    int sockets[2];

    crew_open(&crew, 2, 0);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(ipc_pair(sockets), 0);
        crew.workers[i].channel = ipc_channel_new(
            &crew.loop, sockets[0], (struct ipc_ends){ROLE_SUPERVISOR, ROLE_WORKER}, &events, NULL);
        far[i] =
            ipc_channel_new(&crew.loop, sockets[1], (struct ipc_ends){ROLE_WORKER, ROLE_SUPERVISOR},
                            &events, &heard[i]);
    }
    children_close_listener(&crew.children, &body, worker_bit(&crew.workers[1]));
    ev_run(crew.loop.ev, EVRUN_NOWAIT);
    cr_assert_eq(heard[0].count, 0);
    cr_assert_eq(heard[1].last, IPC_LISTENER_CLOSE);
    children_leave_sockets(&crew.children, &stale);
    children_set_log(&crew.children, -1);
    ev_run(crew.loop.ev, EVRUN_NOWAIT);
    cr_assert_eq(heard[0].count, 2);
    cr_assert_eq(heard[1].last, IPC_LOG);
    for (unsigned i = 0; i < 2; i++)
        ipc_channel_free(far[i]);
    crew_close(&crew);
}

static void check_descriptor(int *fd, void *context)
{
    cr_assert_eq(*fd, *(int *)context);
}

/* Those that cannot be spoken to are left out. */
Test(children, go_to_the_next_binary)
{
    struct children_state state;
    struct wire_writer writer;
    struct wire_reader reader;
    struct crew crew;
    int sockets[2];

    crew_open(&crew, 3, 0);
    cr_assert_eq(ipc_pair(sockets), 0);
    child_inherit(&crew.workers[1], 4711, sockets[0], true);
    crew.workers[1].heartbeat.asked = 9;
    crew.workers[2].pid = 4712;
    crew.children.present.half = 1;
    crew.children.generation = 5;
    wire_writer_init(&writer);
    children_put(&writer, &crew.children);
    for (size_t len = 0; len < wire_written(&writer).len; len++) {
        wire_reader_init(&reader, slice_head(wire_written(&writer), len));
        children_get(&reader, &state);
        cr_assert(reader.failed);
    }
    wire_reader_init(&reader, wire_written(&writer));
    children_get(&reader, &state);
    cr_assert_eq(wire_finish(&reader), 0);
    cr_assert(state.half == 1 && state.generation == 5 && state.count == 1);
    cr_assert(state.workers[0].index == 1 && state.workers[0].pid == 4711);
    cr_assert_eq(state.workers[0].asked, 9);
    children_each_descriptor(&crew.children, check_descriptor, &state.workers[0].channel);
    crew.workers[1].pid = crew.workers[2].pid = 0;
    close(sockets[1]);
    wire_writer_free(&writer);
    crew_close(&crew);
}
