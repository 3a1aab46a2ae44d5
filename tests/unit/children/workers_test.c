/* SPDX-License-Identifier: MIT */
/* Which workers serve a tenant, and that each is told all there is. */
#include "children/crew.h"

#include "rig/rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(workers, .fini = rig_end);

Test(workers, the_load_is_spread)
{
    struct crew crew;
    char name[16];

    crew_open(&crew, CREW_WORKERS, 2);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "t%u", i);
        cr_assert_eq(__builtin_popcountll(crew_add(&crew, name)->workers), 2);
    }
    for (unsigned i = 0; i < CREW_WORKERS; i++)
        cr_assert_eq(crew.workers[i].tenants, 5);
    crew_close(&crew);
}

Test(workers, who_serves_a_tenant_goes_on)
{
    struct crew crew;
    struct assignment *tenant;
    uint64_t before;

    crew_open(&crew, CREW_WORKERS, 2);
    crew_add(&crew, "a");
    tenant = crew_add(&crew, "b");
    before = tenant->workers;
    workers_assign(&crew.children, tenant);
    cr_assert_eq(tenant->workers, before);
    crew.children.wanted.per_tenant = 3;
    workers_assign(&crew.children, tenant);
    cr_assert_eq(tenant->workers & before, before);
    cr_assert_eq(__builtin_popcountll(tenant->workers), 3);
    crew.children.wanted.per_tenant = 1;
    workers_assign(&crew.children, tenant);
    cr_assert_eq(__builtin_popcountll(tenant->workers), 1);
    crew.children.wanted.per_tenant = 0; /* all */
    workers_assign(&crew.children, tenant);
    cr_assert_eq(tenant->workers, (1u << CREW_WORKERS) - 1);
    workers_withdraw(&crew.children, tenant);
    cr_assert_eq(tenant->workers, 0);
    cr_assert_eq(tenant->due, 0);
    cr_assert_eq(crew.workers[0].due + crew.workers[1].due, 2, "the first tenant's");
    crew_close(&crew);
}

/* A worker that is a socket only: nobody reads it until the test does. */
struct mute {
    struct crew crew;
    struct child *worker;
    struct assignment *tenant; /* the worker has its bundle */
    struct ipc_channel *far;   /* the worker's end, once somebody reads it */
    int end;                   /* the same, before */
    unsigned listeners;        /* that came */
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

static void mute_open(struct mute *mute)
{
    int sockets[2];

    memset(mute, 0, sizeof(*mute));
    crew_open(&mute->crew, 1, 1);
    mute->worker = &mute->crew.workers[0];
    cr_assert_eq(ipc_pair(sockets), 0);
    mute->worker->channel =
        ipc_channel_new(&mute->crew.loop, sockets[0],
                        (struct ipc_ends){ROLE_SUPERVISOR, ROLE_WORKER}, &mute_events, mute);
    mute->end = sockets[1];
    mute->tenant = crew_add(&mute->crew, "a");
    mute->tenant->due = 0;
    mute->worker->due = 0;
    mute->crew.bundle = ipc_blob_new(SLICE("bundle"));
    mute->crew.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void mute_read(struct mute *mute)
{
    mute->far =
        ipc_channel_new(&mute->crew.loop, mute->end,
                        (struct ipc_ends){ROLE_WORKER, ROLE_SUPERVISOR}, &mute_events, mute);
}

static void mute_close(struct mute *mute)
{
    if (mute->far)
        ipc_channel_free(mute->far);
    else
        close(mute->end);
    close(mute->crew.listener);
    crew_close(&mute->crew);
}

static void mute_say(struct mute *mute, enum ipc_message message, const struct wire_writer *body,
                     int expected)
{
    struct ipc_received received = {.message = message};

    wire_reader_init(&received.body, wire_written(body));
    cr_assert_eq(mute->worker->events->on_message(mute->worker, &received), expected);
}

static void mute_commit(struct mute *mute, uint64_t serial, int expected)
{
    struct wire_writer body;

    wire_writer_init(&body);
    ipc_put_serial(&body, &(struct ipc_serial){serial});
    mute_say(mute, IPC_COMMITTED, &body, expected);
    wire_writer_free(&body);
}

static void mute_tell_lacked(struct mute *mute, uint64_t serial, int expected)
{
    struct wire_writer body;

    wire_writer_init(&body);
    ipc_put_lacked(&body, &(struct ipc_lacked){serial, SLICE("127.0.0.1:1"), EMFILE});
    mute_say(mute, IPC_LACKED, &body, expected);
    wire_writer_free(&body);
}

/* It hears nothing that we could say, but that its channel closes. */
Test(workers, one_that_speaks_another_version_drains_when_it_is_to)
{
    struct mute mute;
    int sockets[2];
    char byte;

    mute_open(&mute);
    child_close(mute.worker);
    cr_assert_eq(ipc_pair(sockets), 0);
    child_inherit(mute.worker, mute.worker->pid, sockets[0], false);
    cr_assert_not(child_is_up(mute.worker));
    worker_tell_drain_time(mute.worker);
    cr_assert_eq(recv(sockets[1], &byte, 1, MSG_DONTWAIT), -1, "it is still open");
    worker_say_drain(mute.worker, 1., false);
    cr_assert_eq(recv(sockets[1], &byte, 1, MSG_DONTWAIT), 0);
    close(sockets[1]);
    mute_close(&mute);
}

static bool mute_is_settled(const struct mute *mute)
{
    return !pending_first(&mute->crew.loop, PENDING_RELOAD);
}

Test(workers, a_socket_follows_when_enough_is_committed)
{
    struct mute mute;
    struct children *children;

    mute_open(&mute);
    children = &mute.crew.children;
    for (int i = 0; i < 64; i++) {
        mute.tenant->told = 1;
        workers_withdraw(children, mute.tenant);
        workers_assign(children, mute.tenant);
    }
    mute.tenant->due = 0;
    mute.worker->due = 0;
    cr_assert_eq(mute.worker->awaiting, 64);
    workers_send(children, mute.tenant);
    cr_assert_eq(mute.crew.holders, 0);
    for (uint64_t i = 1; i <= 48; i++)
        mute_commit(&mute, i, 0);
    cr_assert_eq(mute.crew.holders, 0);
    for (uint64_t i = 49; i <= 64; i++) {
        cr_assert_not(mute_is_settled(&mute));
        mute_commit(&mute, i, 0);
    }
    cr_assert_eq(mute.crew.holders, 1);
    cr_assert_not(mute_is_settled(&mute), "the socket is not yet taken");
    mute_commit(&mute, 65, 0);
    cr_assert(mute_is_settled(&mute));
    mute_close(&mute);
}

Test(workers, a_socket_that_was_not_taken_is_offered_again, .timeout = 60)
{
    struct mute mute;

    mute_open(&mute);
    mute_read(&mute);
    mute_tell_lacked(&mute, 1, ERROR_IPC);
    workers_send(&mute.crew.children, mute.tenant);
    mute_tell_lacked(&mute, 2, ERROR_IPC);
    mute_tell_lacked(&mute, 1, 0);
    cr_assert(mute_is_settled(&mute), "the outcome is known");
    cr_assert_eq(mute.crew.holders, 0);
    cr_assert_eq(mute.crew.lacking, 1);
    workers_send(&mute.crew.children, mute.tenant);
    cr_assert_eq(mute.crew.holders, 0, "not before its time");
    while (mute.listeners < 2)
        ev_run(mute.crew.loop.ev, EVRUN_ONCE);
    cr_assert_eq(mute.crew.holders, 1);
    cr_assert_not(mute_is_settled(&mute));
    mute_commit(&mute, 2, 0);
    cr_assert(mute_is_settled(&mute));
    mute_close(&mute);
}

/* The worker answers about a socket that it has been sent another for since. */
Test(workers, a_late_answer_is_not_about_the_socket_of_now)
{
    struct mute mute;

    mute_open(&mute);
    workers_send(&mute.crew.children, mute.tenant);
    mute.crew.holders = 0; /* as when it was bound anew */
    workers_send(&mute.crew.children, mute.tenant);
    mute_tell_lacked(&mute, 1, 0);
    cr_assert_eq(mute.crew.holders, 1, "it will be told when that is closed");
    cr_assert_eq(mute.crew.lacking, 0);
    mute_commit(&mute, 2, 0);
    cr_assert_eq(mute.crew.holders, 1);
    mute_close(&mute);
}

/* What waits in the queue is never acknowledged: the drained queue itself must be noticed. */
Test(workers, a_socket_follows_when_the_queue_has_drained, .timeout = 60)
{
    const struct ipc_listener_close close_another = {SLICE("a"), SLICE("127.0.0.1:2"), 0, 0};
    struct mute mute;

    mute_open(&mute);
    while (ipc_channel_queued(mute.worker->channel) < 128)
        children_close_listener(&mute.crew.children, &close_another, 1);
    workers_send(&mute.crew.children, mute.tenant);
    cr_assert_eq(mute.crew.holders, 0);
    cr_assert_not(mute_is_settled(&mute));
    mute_read(&mute);
    while (mute.listeners == 0)
        ev_run(mute.crew.loop.ev, EVRUN_ONCE);
    cr_assert_eq(mute.crew.holders, 1);
    mute_commit(&mute, 1, 0);
    cr_assert(mute_is_settled(&mute));
    mute_close(&mute);
}

Test(workers, a_socket_that_it_has_closed_is_given_again, .timeout = 60)
{
    struct mute mute;

    mute_open(&mute);
    mute_read(&mute);
    workers_send(&mute.crew.children, mute.tenant);
    cr_assert_eq(mute.crew.holders, 1);
    mute.crew.holders = 0;
    worker_set_lacking(mute.worker);
    while (mute.listeners < 2)
        ev_run(mute.crew.loop.ev, EVRUN_ONCE);
    cr_assert_eq(mute.crew.holders, 1);
    mute_close(&mute);
}

/* It commits in the order in which it was told, and only that. */
Test(workers, what_was_not_sent_cannot_be_committed)
{
    struct mute mute;

    mute_open(&mute);
    mute.crew.children.serial = 9;
    mute_commit(&mute, 9, ERROR_IPC);
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
    for (int i = 0; i < 2000 && rig_child(&rig, "worker 0") == old; i++)
        usleep(5000);
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 0 refused");
    cr_assert_neq(rig_child(&rig, "worker 0"), old);
    cr_assert_not(rig_has_logged(&rig, "have not committed"));
    rig_close(&rig);
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
    struct children *children;
    struct child *second;
    int more[2];

    mute_open(&mute);
    children = &mute.crew.children;
    second = &mute.crew.workers[1];
    worker_init(second, children, 1, 0);
    cr_assert_eq(ipc_pair(more), 0);
    second->channel =
        ipc_channel_new(&mute.crew.loop, more[0], (struct ipc_ends){ROLE_SUPERVISOR, ROLE_WORKER},
                        &mute_events, &mute);
    children->present.count = 2;
    children->wanted.per_tenant = 2;
    workers_assign(children, mute.tenant);
    workers_changed(children, mute.tenant);
    mute.tenant->deaths = 1;
    workers_send(children, mute.tenant);
    cr_assert_eq(mute.tenant->committing, 1);
    cr_assert_eq(mute.tenant->due, 2);
    mute_commit(&mute, 1, 0);
    cr_assert_eq(mute.tenant->committing, 2);
    cr_assert_eq(mute.tenant->due, 0);
    cr_assert_eq(mute.tenant->deaths, 1, "the other has yet to take it over");
    workers_withdraw(children, mute.tenant);
    cr_assert_eq(mute.tenant->committing, 0);
    cr_assert_eq(mute.tenant->deliveries, 0);
    close(more[1]);
    mute_close(&mute);
}
