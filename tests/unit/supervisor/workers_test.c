/* SPDX-License-Identifier: MIT */
/* Which workers serve a tenant, and that each is told all there is. */
#include "reload/record_state.h"
#include "supervisor/deliveries_internal.h"
#include "supervisor/worker_sockets_internal.h"
#include "supervisor/workers_internal.h"

#include "rig/rig.h"
#include "shared/namespaces.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORKERS 4

struct crew {
    struct supervisor supervisor;
    struct child workers[WORKERS];
    struct settings settings;
};

/* Workers that do not run: only the choice is looked at. */
static void crew_open(struct crew *crew, unsigned per_tenant)
{
    memset(crew, 0, sizeof(*crew));
    crew->supervisor.workers = crew->workers;
    crew->supervisor.worker_count = WORKERS;
    crew->supervisor.settings = &crew->settings;
    crew->settings.model.workers_per_tenant = per_tenant;
    for (unsigned i = 0; i < WORKERS; i++)
        crew->workers[i] =
            (struct child){.supervisor = &crew->supervisor, .role = ROLE_WORKER, .index = i};
}

static struct record *crew_add(struct crew *crew, const char *name)
{
    struct record *record = registry_add(&crew->supervisor.registry, slice_of(name), name, NULL);

    workers_assign(&crew->supervisor, record);
    return record;
}

static void crew_close(struct crew *crew)
{
    struct record *record;
    struct record *next;

    HASH_ITER (hh, crew->supervisor.registry.records, record, next)
        registry_remove(&crew->supervisor.registry, record);
}

TestSuite(workers, .fini = rig_end);

Test(workers, the_load_is_spread)
{
    struct crew crew;
    char name[16];

    crew_open(&crew, 2);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "t%u", i);
        cr_assert_eq(__builtin_popcountll(crew_add(&crew, name)->workers), 2);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        cr_assert_eq(crew.workers[i].tenants, 5);
    crew_close(&crew);
}

Test(workers, who_serves_a_tenant_goes_on)
{
    struct crew crew;
    struct record *record;
    uint64_t before;

    crew_open(&crew, 2);
    crew_add(&crew, "a");
    record = crew_add(&crew, "b");
    before = record->workers;
    workers_assign(&crew.supervisor, record);
    cr_assert_eq(record->workers, before);
    crew.settings.model.workers_per_tenant = 3;
    workers_assign(&crew.supervisor, record);
    cr_assert_eq(record->workers & before, before);
    cr_assert_eq(__builtin_popcountll(record->workers), 3);
    crew.settings.model.workers_per_tenant = 1;
    workers_assign(&crew.supervisor, record);
    cr_assert_eq(__builtin_popcountll(record->workers), 1);
    crew.settings.model.workers_per_tenant = 0; /* all */
    workers_assign(&crew.supervisor, record);
    cr_assert_eq(record->workers, (1u << WORKERS) - 1);
    workers_withdraw(&crew.supervisor, record);
    cr_assert_eq(record->workers, 0);
    cr_assert_eq(record->due, 0);
    cr_assert_eq(crew.workers[0].due + crew.workers[1].due, 2, "the first tenant's");
    crew_close(&crew);
}

/* A worker that is a socket only: nobody reads it until the test does. */
struct mute {
    struct crew crew;
    struct record *record;
    struct ipc_channel *far;
    unsigned listeners; /* that came */
};

static int mute_on_message(void *owner, struct ipc_received *received)
{
    struct mute *mute = owner;

    mute->listeners += received->message == IPC_LISTENER;
    return 0;
}

static void mute_on_gone(void *owner, const char *reason)
{
    (void)owner;
    (void)reason;
}

static const struct ipc_events mute_events = {.on_message = mute_on_message,
                                              .on_gone = mute_on_gone};

/* One tenant on worker 0, which has its bundle; sockets[1] is the worker's end. */
static void mute_open(struct mute *mute, int sockets[2])
{
    struct supervisor *supervisor = &mute->crew.supervisor;
    struct listener *listener;

    memset(mute, 0, sizeof(*mute));
    crew_open(&mute->crew, 1);
    supervisor->worker_count = 1;
    loop_init(&supervisor->loop);
    namespaces_init(&supervisor->namespaces, &supervisor->loop, &shared_namespaces_events, NULL);
    sockets_init(&supervisor->sockets, &supervisor->namespaces, &supervisor->registry.residents,
                 &worker_sockets_events, supervisor);
    cr_assert_eq(ipc_pair(sockets), 0);
    mute->crew.workers[0].channel = ipc_channel_new(&supervisor->loop, sockets[0], ROLE_SUPERVISOR,
                                                    ROLE_WORKER, &mute_events, mute);
    mute->record = crew_add(&mute->crew, "a");
    mute->record->due = 0;
    mute->crew.workers[0].due = 0;
    mute->record->plan.bundle = ipc_blob_new(SLICE("bundle"));
    mute->record->plan.listeners = calloc(1, sizeof(struct plan_listener));
    mute->record->plan.listener_count = 1;
    mute->record->plan.listeners[0].text = strdup("127.0.0.1:1");
    sockets_adopt(&supervisor->sockets, &mute->record->sockets, &(struct plan){0});
    listener = mute->record->sockets.listeners;
    listener->state = LISTENER_BOUND;
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void mute_close(struct mute *mute)
{
    deliveries_close(&mute->crew.workers[0]);
    struct supervisor *supervisor = &mute->crew.supervisor;

    sockets_stop(&supervisor->sockets);
    ipc_channel_free(mute->crew.workers[0].channel);
    ipc_channel_free(mute->far);
    crew_close(&mute->crew);
    loop_free(&supervisor->loop);
}

static void mute_commit(struct mute *mute, uint64_t serial)
{
    struct ipc_received received = {.message = IPC_COMMITTED};
    struct wire_writer body;

    wire_writer_init(&body);
    wire_put_u64(&body, serial);
    wire_reader_init(&received.body, wire_written(&body));
    cr_assert_eq(workers_on_message(&mute->crew.supervisor, &mute->crew.workers[0], &received), 0);
    wire_writer_free(&body);
}

Test(workers, a_socket_follows_when_enough_is_committed)
{
    struct mute mute;
    struct listener *listener;
    int sockets[2];

    mute_open(&mute, sockets);
    listener = &mute.record->sockets.listeners[0];
    for (int i = 0; i < 64; i++) {
        mute.record->told = 1;
        workers_withdraw(&mute.crew.supervisor, mute.record);
        workers_assign(&mute.crew.supervisor, mute.record);
    }
    mute.record->due = 0;
    mute.crew.workers[0].due = 0;
    cr_assert_eq(mute.crew.workers[0].awaiting, 64);
    workers_send(&mute.crew.supervisor, mute.record);
    cr_assert_eq(listener->holders, 0);
    for (uint64_t i = 1; i <= 48; i++)
        mute_commit(&mute, i);
    cr_assert_eq(listener->holders, 0);
    for (uint64_t i = 49; i <= 64; i++) {
        cr_assert_not(workers_are_settled(&mute.crew.supervisor));
        mute_commit(&mute, i);
    }
    cr_assert_eq(listener->holders, 1);
    cr_assert_not(workers_are_settled(&mute.crew.supervisor), "the socket is not yet taken");
    mute_commit(&mute, 65);
    cr_assert(workers_are_settled(&mute.crew.supervisor));
    close(sockets[1]);
    mute_close(&mute);
}

static void mute_tell_lacked(struct mute *mute, uint64_t serial, int expected)
{
    struct ipc_received received = {.message = IPC_LACKED};
    struct wire_writer body;

    wire_writer_init(&body);
    wire_put_u64(&body, serial);
    wire_put_slice(&body, SLICE("127.0.0.1:1"));
    wire_put_u32(&body, EMFILE);
    wire_reader_init(&received.body, wire_written(&body));
    cr_assert_eq(workers_on_message(&mute->crew.supervisor, &mute->crew.workers[0], &received),
                 expected);
    wire_writer_free(&body);
}

Test(workers, a_socket_that_was_not_taken_is_degraded_and_offered_again, .timeout = 20)
{
    struct mute mute;
    struct listener *listener;
    struct arena arena;
    int sockets[2];

    mute_open(&mute, sockets);
    arena_init(&arena, 1024);
    listener = &mute.record->sockets.listeners[0];
    mute.far = ipc_channel_new(&mute.crew.supervisor.loop, sockets[1], ROLE_WORKER, ROLE_SUPERVISOR,
                               &mute_events, &mute);
    mute_tell_lacked(&mute, 1, ERROR_IPC);
    workers_send(&mute.crew.supervisor, mute.record);
    mute_tell_lacked(&mute, 2, ERROR_IPC);
    mute_tell_lacked(&mute, 1, 0);
    cr_assert(workers_are_settled(&mute.crew.supervisor), "the outcome is known");
    cr_assert_eq(listener->holders, 0);
    cr_assert_str_eq(record_state_name(mute.record), "degraded");
    struct slice why = record_trouble(mute.record, &arena);
    cr_assert(slice_starts_with(why, SLICE("listening on 127.0.0.1:1, but 1 of its workers")));
    workers_send(&mute.crew.supervisor, mute.record);
    cr_assert_eq(listener->holders, 0, "not before its time");
    while (mute.listeners < 2)
        ev_run(mute.crew.supervisor.loop.ev, EVRUN_ONCE);
    cr_assert_eq(listener->holders, 1);
    cr_assert_not(workers_are_settled(&mute.crew.supervisor));
    mute_commit(&mute, 2);
    cr_assert_str_eq(record_state_name(mute.record), "serving");
    arena_free(&arena);
    mute_close(&mute);
}

/* The worker answers about a socket that it has been sent another for since. */
Test(workers, a_late_answer_is_not_about_the_socket_of_now)
{
    struct mute mute;
    struct listener *listener;
    int sockets[2];

    mute_open(&mute, sockets);
    listener = &mute.record->sockets.listeners[0];
    workers_send(&mute.crew.supervisor, mute.record);
    listener->holders = 0; /* as when it was bound anew */
    workers_send(&mute.crew.supervisor, mute.record);
    mute_tell_lacked(&mute, 1, 0);
    cr_assert_eq(listener->holders, 1, "it will be told when that is closed");
    cr_assert_eq(listener->lacking, 0);
    mute_commit(&mute, 2);
    cr_assert_eq(listener->holders, 1);
    close(sockets[1]);
    mute_close(&mute);
}

/* What waits in the queue is never acknowledged: the drained queue itself must be noticed. */
Test(workers, a_socket_follows_when_the_queue_has_drained, .timeout = 20)
{
    struct mute mute;
    struct listener *listener;
    struct wire_writer body;
    int sockets[2];

    mute_open(&mute, sockets);
    listener = &mute.record->sockets.listeners[0];
    wire_writer_init(&body);
    wire_put_slice(&body, SLICE("a"));
    wire_put_slice(&body, SLICE("127.0.0.1:2"));
    wire_put_u64(&body, 0);
    while (ipc_channel_queued(mute.crew.workers[0].channel) < 128)
        ipc_send(mute.crew.workers[0].channel, IPC_LISTENER_CLOSE, &body, NULL);
    wire_writer_free(&body);
    workers_send(&mute.crew.supervisor, mute.record);
    cr_assert_eq(listener->holders, 0);
    cr_assert_not(workers_are_settled(&mute.crew.supervisor));
    mute.far = ipc_channel_new(&mute.crew.supervisor.loop, sockets[1], ROLE_WORKER, ROLE_SUPERVISOR,
                               &mute_events, &mute);
    while (mute.listeners == 0)
        ev_run(mute.crew.supervisor.loop.ev, EVRUN_ONCE);
    cr_assert_eq(listener->holders, 1);
    mute_commit(&mute, 1);
    cr_assert(workers_are_settled(&mute.crew.supervisor));
    mute_close(&mute);
}

static void mute_tell_dead(struct mute *mute)
{
    struct ipc_received received = {.message = IPC_LISTENER_DEAD};
    struct wire_writer body;

    wire_writer_init(&body);
    wire_put_slice(&body, SLICE("a"));
    wire_put_slice(&body, SLICE("127.0.0.1:1"));
    wire_put_u32(&body, EINVAL);
    wire_reader_init(&received.body, wire_written(&body));
    cr_assert_eq(workers_on_message(&mute->crew.supervisor, &mute->crew.workers[0], &received), 0);
    wire_writer_free(&body);
}

Test(workers, who_does_not_hold_a_socket_cannot_call_it_dead)
{
    struct mute mute;
    int sockets[2];

    mute_open(&mute, sockets);
    mute_tell_dead(&mute);
    cr_assert_eq(mute.record->sockets.listeners[0].state, LISTENER_BOUND);
    close(sockets[1]);
    mute_close(&mute);
}

Test(workers, a_socket_that_lives_is_given_again, .timeout = 20)
{
    struct mute mute;
    struct listener *listener;
    int sockets[2];

    mute_open(&mute, sockets);
    listener = &mute.record->sockets.listeners[0];
    cr_assert_eq(listen(listener->fd, 1), 0); /* at any port */
    mute.far = ipc_channel_new(&mute.crew.supervisor.loop, sockets[1], ROLE_WORKER, ROLE_SUPERVISOR,
                               &mute_events, &mute);
    workers_send(&mute.crew.supervisor, mute.record);
    cr_assert_eq(listener->holders, 1);
    mute_tell_dead(&mute);
    cr_assert_eq(listener->state, LISTENER_BOUND);
    cr_assert_eq(listener->holders, 0);
    while (mute.listeners < 2)
        ev_run(mute.crew.supervisor.loop.ev, EVRUN_ONCE);
    cr_assert_eq(listener->holders, 1);
    mute_close(&mute);
}

/* More than may be under way at once: the rest follows as the worker commits. */
Test(workers, many_tenants_after_a_death)
{
    struct rig rig;
    char name[16];
    pid_t old;

    rig_open(&rig);
    for (unsigned i = 0; i < 300; i++) {
        char file[64];

        snprintf(name, sizeof(name), "t%03u", i);
        snprintf(file, sizeof(file), "tenants/%s.conf", name);
        rig_write(&rig, file, "netns nsg-not-there;\nserver { listen 1; return 200; }\n");
    }
    rig_start(&rig, "started: 300 tenants, 300 waiting, 0 refused");
    old = rig_child(&rig, "worker 0");
    kill(old, SIGKILL);
    for (int i = 0; i < 1000 && rig_child(&rig, "worker 0") == old; i++)
        usleep(5000);
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 0 refused");
    cr_assert_neq(rig_child(&rig, "worker 0"), old);
    cr_assert_not(rig_has_logged(&rig, "have not committed"));
    rig_close(&rig);
}

/* It commits in the order in which it was told, and only that. */
Test(workers, what_was_not_sent_cannot_be_committed)
{
    struct ipc_received received = {.message = IPC_COMMITTED};
    struct wire_writer body;
    struct mute mute;
    int sockets[2];

    mute_open(&mute, sockets);
    mute.crew.supervisor.serial = 9;
    wire_writer_init(&body);
    wire_put_u64(&body, 9);
    wire_reader_init(&received.body, wire_written(&body));
    cr_assert_eq(workers_on_message(&mute.crew.supervisor, &mute.crew.workers[0], &received),
                 ERROR_IPC);
    wire_writer_free(&body);
    close(sockets[1]);
    mute_close(&mute);
}

Test(workers, who_kills_them_twice_is_refused_and_nobody_else)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_tenant(&rig, "b", rig_port(), "end-worker");
    rig_tenant(&rig, "c", rig_port(), "c");
    rig_start(&rig, "tenant b: ");
    rig_expect(&rig, "workers died over it twice");
    rig_expect(&rig, "started: ");
    cr_assert(rig_connects(port));
    rig_signal(&rig, SIGHUP, "workers died over it twice"); /* tried again, and not for ever */
    rig_remove(&rig, "tenants/b.conf");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 0 refused");
    cr_assert(rig_connects(port));
    rig_close(&rig);
}

static void wait_for_deaths(struct rig *rig, unsigned deaths, int number)
{
    pid_t before = 0;

    for (unsigned i = 0; i < deaths; i++) {
        while (rig_child(rig, "worker 0") == before)
            usleep(5000);
        before = rig_child(rig, "worker 0");
        usleep(200 * 1000);
        if (number)
            kill(before, number);
    }
}

static void open_with_one_worker(struct rig *rig, const char *text)
{
    rig_open(rig);
    rig_write(rig, "nsgate.conf",
              "worker_processes 1;\nerror_log log info;\npid pid;\ntenants tenants/*.conf;\n");
    rig_tenant(rig, "a", rig_port(), text);
    rig_start(rig, "started worker 0");
}

/* The tenant stands first in its queue, and has nothing to do with it. */
Test(workers, who_dies_of_traffic_blames_nobody)
{
    struct rig rig;

    open_with_one_worker(&rig, "die-of-traffic");
    wait_for_deaths(&rig, 4, 0);
    cr_assert(rig_has_logged(&rig, "was killed by signal 11"));
    cr_assert_not(rig_has_logged(&rig, "died over it"));
    rig_close(&rig);
}

Test(workers, who_is_killed_from_outside_blames_nobody)
{
    struct rig rig;

    open_with_one_worker(&rig, "slow-worker");
    wait_for_deaths(&rig, 3, SIGKILL);
    rig_expect(&rig, "started: 1 tenants, 0 waiting, 0 refused");
    cr_assert_not(rig_has_logged(&rig, "died over it"));
    rig_close(&rig);
}

/* It answers every PING meanwhile. */
Test(workers, who_never_commits_is_replaced, .timeout = 40)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_tenant(&rig, "b", rig_port(), "never-commit");
    rig_start(&rig, "answers, but does not take over tenant b: it is replaced");
    rig_expect(&rig, "malformed message: PONG");
    rig_expect(&rig, "workers died over it twice");
    rig_expect(&rig, "started: ");
    cr_assert(rig_connects(port));
    rig_close(&rig);
}

Test(workers, what_is_no_longer_served_is_tried_again)
{
    struct rig rig;
    char text[96];
    int port = rig_port();

    rig_open(&rig);
    snprintf(text, sizeof(text), "worker-die-until:%s/mercy;", rig.folder);
    rig_tenant(&rig, "a", port, text);
    rig_start(&rig, "tenant a: is tried again in 1 s");
    rig_expect(&rig, "tenant a: is tried again in 2 s");
    rig_write(&rig, "mercy", "%s", "");
    for (int i = 0; i < 2000 && !rig_connects(port); i++)
        usleep(5000);
    cr_assert(rig_connects(port));
    rig_close(&rig);
}

/* What one worker can take over is no proof that the other does: the pause grows, and each try
 * takes one worker at most. */
Test(workers, what_one_of_them_takes_over_is_suspect_until_all_have)
{
    struct rig rig;
    char text[96];
    pid_t good;
    int port = rig_port();

    rig_open(&rig);
    rig_write(&rig, "nsgate.conf",
              "worker_processes 2;\nerror_log log info;\npid pid;\ntenants tenants/*.conf;\n");
    snprintf(text, sizeof(text), "worker-1-die-until:%s/mercy;", rig.folder);
    rig_tenant(&rig, "a", port, text);
    rig_start(&rig, "tenant a: is tried again in 1 s");
    good = rig_child(&rig, "worker 0");
    rig_expect(&rig, "tenant a: is tried again in 2 s");
    rig_expect(&rig, "tenant a: is tried again in 4 s");
    cr_assert_eq(rig_count(&rig, "was killed by signal 11"), 2 + 1 + 1);
    cr_assert_eq(rig_child(&rig, "worker 0"), good);
    rig_write(&rig, "mercy", "%s", "");
    for (int i = 0; i < 2000 && !rig_connects(port); i++)
        usleep(5000);
    cr_assert(rig_connects(port));
    cr_assert_eq(rig_count(&rig, "was killed by signal 11"), 2 + 1 + 1);
    rig_close(&rig);
}

/* Two workers that do not run; the tenant has killed one before. */
Test(workers, what_is_suspect_goes_to_one_after_the_other)
{
    struct mute mute;
    struct child *workers = mute.crew.workers;
    struct supervisor *supervisor = &mute.crew.supervisor;
    int sockets[2];
    int more[2];

    mute_open(&mute, sockets);
    cr_assert_eq(ipc_pair(more), 0);
    workers[1].channel = ipc_channel_new(&supervisor->loop, more[0], ROLE_SUPERVISOR, ROLE_WORKER,
                                         &mute_events, &mute);
    supervisor->worker_count = 2;
    mute.crew.settings.model.workers_per_tenant = 2;
    workers_assign(supervisor, mute.record);
    workers_changed(supervisor, mute.record);
    mute.record->deaths = 1;
    workers_send(supervisor, mute.record);
    cr_assert_eq(mute.record->committing, 1);
    cr_assert_eq(mute.record->due, 2);
    mute_commit(&mute, 1);
    cr_assert_eq(mute.record->committing, 2);
    cr_assert_eq(mute.record->due, 0);
    cr_assert_eq(mute.record->deaths, 1, "the other has yet to take it over");
    workers_withdraw(supervisor, mute.record);
    cr_assert_eq(mute.record->committing, 0);
    workers_forget(supervisor, mute.record);
    deliveries_close(&workers[0]);
    deliveries_close(&workers[1]);
    ipc_channel_free(workers[1].channel);
    close(more[1]);
    close(sockets[1]);
    mute_close(&mute);
}
