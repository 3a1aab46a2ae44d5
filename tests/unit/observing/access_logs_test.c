/* SPDX-License-Identifier: MIT */
/* Rings and destinations: who is told of them, when, and that none is lost with its reader. */
#include "observing/access_logs.h"

#include "children/workers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* One end of a channel, as a child hears it. */
struct ear {
    struct ipc_channel *ours, *theirs;
    unsigned rings, ends, destinations, files, closed;
    uint32_t ring;
};

static struct {
    struct loop loop;
    struct children children;
    struct child worker;
    struct access_logs logs;
    struct record record;
    struct ear observer, ear;
    struct config_log_destination places[2];
    char text[2][128];
    unsigned settled;
    char error[256];
} rig;

static int on_message(void *owner, struct ipc_received *received)
{
    struct ear *ear = owner;
    struct ipc_ring ring;

    ear->rings += received->message == IPC_RING && received->descriptor_count == 2;
    ear->ends += received->message == IPC_RING_END;
    ear->destinations += received->message == IPC_DESTINATION && received->descriptor_count == 0;
    ear->files += received->message == IPC_DESTINATION && received->descriptor_count == 1;
    if (received->message == IPC_RING && ipc_get_ring(&received->body, &ring) == 0)
        ear->ring = ring.number;
    return 0;
}

static void on_gone(void *owner, const char *reason)
{
    (void)owner;
    cr_assert_fail("%s", reason);
}

static const struct ipc_events events = {.on_message = on_message, .on_gone = on_gone};

static struct ipc_channel *ear_open(struct ear *ear, enum ipc_role role)
{
    int sockets[2];

    cr_assert_eq(ipc_pair(sockets), 0);
    *ear = (struct ear){.rings = 0};
    ear->ours = ipc_channel_new(&rig.loop, sockets[0], (struct ipc_ends){ROLE_SUPERVISOR, role},
                                &events, ear);
    ear->theirs = ipc_channel_new(&rig.loop, sockets[1], (struct ipc_ends){role, ROLE_SUPERVISOR},
                                  &events, ear);
    return ear->ours;
}

static void ear_close(struct ear *ear)
{
    ipc_channel_free(ear->ours);
    ipc_channel_free(ear->theirs);
    *ear = (struct ear){.rings = 0};
}

static void turn(void)
{
    for (int i = 0; i < 20; i++)
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
}

static void on_settled(void *owner, const char *error)
{
    (void)owner;
    rig.settled++;
    snprintf(rig.error, sizeof(rig.error), "%s", error ? error : "");
}

static void rig_open(void)
{
    loop_init(&rig.loop);
    rig.children.loop = &rig.loop;
    rig.children.program = "/proc/self/exe";
    child_init(&rig.children.observer, &rig.children, ROLE_OBSERVER, NULL);
    child_init(&rig.worker, &rig.children, ROLE_WORKER, NULL);
    rig.worker.index = 3;
    rig.worker.channel = ear_open(&rig.ear, ROLE_WORKER);
    access_logs_init(&rig.logs, &rig.children, on_settled, &rig);
    for (int i = 0; i < 2; i++) {
        snprintf(rig.text[i], sizeof(rig.text[i]), "file /tmp/nsg-access-logs-%d-%d", getpid(), i);
        rig.places[i] =
            (struct config_log_destination){.kind = LOG_TO_FILE, .identity = slice_of(rig.text[i])};
    }
}

static void rig_close(void)
{
    access_logs_leave(&rig.logs, &rig.record);
    plan_free(&rig.record.plan);
    access_logs_free(&rig.logs);
    if (rig.children.observer.channel)
        ear_close(&rig.observer);
    ear_close(&rig.ear);
    loop_free(&rig.loop);
    for (int i = 0; i < 2; i++)
        unlink(rig.text[i] + strlen("file "));
}

TestSuite(access_logs, .init = rig_open, .fini = rig_close);

static void plan(uint32_t count)
{
    struct plan *made = &rig.record.plan;

    plan_free(made);
    made->logs = calloc(count + 1, sizeof(made->logs[0]));
    for (; made->log_count < count; made->log_count++)
        log_place_set(&made->logs[made->log_count], &rig.places[made->log_count]);
    access_logs_follow(&rig.logs, &rig.record);
}

static void start_observer(void)
{
    rig.children.observer.channel = ear_open(&rig.observer, ROLE_OBSERVER);
    access_logs_on_start(&rig.logs);
    turn();
}

static int say_done(uint32_t number)
{
    const struct ipc_ring body = {number};
    struct wire_writer writer;
    struct wire_reader reader;
    int result;

    wire_writer_init(&writer);
    ipc_put_ring(&writer, &body);
    wire_reader_init(&reader, wire_written(&writer));
    result = access_logs_on_done(&rig.logs, &reader);
    wire_writer_free(&writer);
    return result;
}

Test(access_logs, who_logs_nothing_costs_nothing)
{
    plan(0);
    start_observer();
    cr_assert_eq(access_logs_of(&rig.logs, &rig.worker, &rig.record).len, 0);
    turn();
    cr_assert_eq(rig.ear.rings, 0);
    cr_assert_not(access_logs_are_there(&rig.logs));
}

Test(access_logs, a_worker_gets_one_ring_before_the_first_that_logs)
{
    struct slice numbers;

    start_observer();
    plan(2);
    numbers = access_logs_of(&rig.logs, &rig.worker, &rig.record);
    cr_assert_eq(numbers.len, 2 * sizeof(uint32_t));
    access_logs_of(&rig.logs, &rig.worker, &rig.record);
    turn();
    cr_assert_eq(rig.ear.rings, 1);
    cr_assert_eq(rig.observer.rings, 1);
    cr_assert_eq(rig.observer.destinations, 2);
    cr_assert_eq(rig.observer.files, 2);
    cr_assert(access_logs_are_there(&rig.logs));
}

/* What the last observer has left, the next one reads. */
Test(access_logs, a_ring_outlives_its_writer_and_its_reader)
{
    plan(1);
    access_logs_of(&rig.logs, &rig.worker, &rig.record);
    turn();
    cr_assert_eq(say_done(rig.ear.ring), ERROR_IPC, "it is written to");
    access_logs_on_worker_death(&rig.logs, &rig.worker);
    access_logs_of(&rig.logs, &rig.worker, &rig.record);
    start_observer();
    cr_assert_eq(rig.observer.rings, 2);
    cr_assert_eq(rig.observer.ends, 1);
    cr_assert_eq(rig.observer.destinations, 1);
    cr_assert_eq(rig.observer.files, 1);
    turn();
    cr_assert_eq(rig.ear.rings, 2, "the worker that follows has its own");
    cr_assert_eq(say_done(1), 0);
    cr_assert_eq(say_done(1), 0, "it may have been given up meanwhile");
    cr_assert_eq(say_done(3), ERROR_IPC);
    ear_close(&rig.observer);
    rig.children.observer.channel = NULL;
    start_observer();
    cr_assert_eq(rig.observer.rings, 1);
}

/* Who has many files does not keep them all open until they are taken. */
Test(access_logs, few_open_files_wait_for_the_observer)
{
    enum { COUNT = 1000 };
    struct plan *made = &rig.record.plan;
    char folder[] = "/tmp/nsg-access-logs-XXXXXX";
    char text[64];

    cr_assert_not_null(mkdtemp(folder));
    made->logs = calloc(COUNT, sizeof(made->logs[0]));
    for (; made->log_count < COUNT; made->log_count++) {
        snprintf(text, sizeof(text), "file %s/%u", folder, made->log_count);
        log_place_set(
            &made->logs[made->log_count],
            &(struct config_log_destination){.kind = LOG_TO_FILE, .identity = slice_of(text)});
    }
    rig.children.observer.channel = ear_open(&rig.observer, ROLE_OBSERVER);
    access_logs_follow(&rig.logs, &rig.record);
    cr_assert_lt(ipc_channel_queued_descriptors(rig.observer.ours), 64);
    cr_assert_eq(rig.settled, 0);
    for (int i = 0; i < 1000 && rig.observer.files < COUNT; i++) {
        turn();
        cr_assert_lt(ipc_channel_queued_descriptors(rig.observer.ours), 64);
        if (ipc_channel_queued(rig.observer.ours) == 0)
            access_logs_on_drained(&rig.logs);
    }
    cr_assert_eq(rig.observer.destinations, COUNT);
    cr_assert_eq(rig.observer.files, COUNT);
    cr_assert_eq(rig.settled, 1);
    snprintf(text, sizeof(text), "rm -rf %s", folder);
    cr_assert_eq(system(text), 0);
}

Test(access_logs, files_are_opened_anew)
{
    start_observer();
    plan(1);
    rig.settled = 0;
    access_logs_reopen(&rig.logs);
    turn();
    cr_assert_eq(rig.observer.files, 2);
    cr_assert_eq(rig.settled, 1);
    cr_assert_str_eq(rig.error, "");
}

Test(access_logs, without_an_observer_nothing_is_waited_for)
{
    plan(1);
    rig.settled = 0;
    access_logs_reopen(&rig.logs);
    cr_assert_eq(rig.settled, 1);
}

static void forget(int *fd, void *context)
{
    (void)context;
    *fd = -1;
}

Test(access_logs, come_along_to_the_next_binary)
{
    struct wire_writer writer;
    struct wire_reader reader;
    struct access_logs next;

    plan(2);
    access_logs_of(&rig.logs, &rig.worker, &rig.record);
    wire_writer_init(&writer);
    access_logs_put(&writer, &rig.logs);
    access_logs_init(&next, &rig.children, on_settled, &rig);
    wire_reader_init(&reader, wire_written(&writer));
    access_logs_get(&reader, &next);
    cr_assert_eq(wire_finish(&reader), 0);
    cr_assert_not_null(log_rings_find(&next.rings, tally_column(0, 3)));
    cr_assert(access_logs_are_there(&next));
    log_rings_each_descriptor(&next.rings, forget, NULL); /* they are those of before */
    access_logs_free(&next);
    wire_writer_free(&writer);
}

/* They are the gateway's, whoever observes. */
Test(access_logs, lines_that_were_dropped_are_counted)
{
    struct figures *figures = &rig.children.figures;
    struct wire_writer writer;
    struct wire_reader reader;

    figures_init(figures);
    cr_assert_eq(figures_open(figures), 0);
    for (int i = 0; i < 2; i++) {
        wire_writer_init(&writer);
        ipc_put_dropped(&writer, &(struct ipc_dropped){70000});
        wire_reader_init(&reader, wire_written(&writer));
        cr_assert_eq(access_logs_on_dropped(&rig.logs, &reader), 0);
        cr_assert_eq(access_logs_on_dropped(&rig.logs, &reader), ERROR_IPC, "it is read already");
        wire_writer_free(&writer);
    }
    cr_assert_eq(metrics_counted(figures_gateway(figures), METRIC_ACCESS_LOG_DROPPED, 0), 140000);
    figures_free(figures);
}
