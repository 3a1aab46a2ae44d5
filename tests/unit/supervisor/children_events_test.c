/* SPDX-License-Identifier: MIT */
/* What children are told of tenants. */
#include "supervisor/supervisor_internal.h"

#include "ipc/body.h"

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct children_events *const events = &supervisor_children_events;

Test(children_events, tenants_are_walked_over_in_their_order_and_found)
{
    static struct supervisor supervisor;
    struct record *a = registry_add(&supervisor.registry, SLICE("a"), "a.conf", NULL);
    struct record *b = registry_add(&supervisor.registry, SLICE("b"), "b.conf", NULL);
    struct slice keys;

    cr_assert_eq(events->next(&supervisor, NULL), &a->assignment);
    cr_assert_eq(events->next(&supervisor, &a->assignment), &b->assignment);
    cr_assert_null(events->next(&supervisor, &b->assignment));
    cr_assert_eq(events->find(&supervisor, SLICE("b")), &b->assignment);
    cr_assert_null(events->find(&supervisor, SLICE("c")));
    cr_assert_null(events->bundle(&a->assignment, &keys), "nothing is in force");
    a->plan.bundle = ipc_blob_new(SLICE("bundle"));
    cr_assert_eq(events->bundle(&a->assignment, &keys), a->plan.bundle);
    cr_assert_eq(keys.len, (size_t)a->tickets.count * TLS_TICKET_KEY);
    registry_free(&supervisor.registry);
}

Test(children_events, who_was_refused_for_deaths_was_guilty_until_all_have_committed_it)
{
    struct record record = {.retry = {.reason = RETRY_DEATH, .pause = 1.}};

    cr_assert(events->was_guilty(&record.assignment));
    events->on_cleared(&record.assignment);
    cr_assert_not(events->was_guilty(&record.assignment));
    record.retry.reason = RETRY_NAMES;
    record.retry.pause = 1.;
    cr_assert_not(events->was_guilty(&record.assignment));
    events->on_cleared(&record.assignment);
    cr_assert_eq(record.retry.pause, 1., "names are no deaths");
}

/* Others must not wait for what it hangs over. */
Test(children_events, the_resolver_has_longer_for_a_suspect_alone)
{
    struct examination suspect = {.is_sent = true, .deaths = 1};
    struct examination other = {.is_sent = false};
    static struct supervisor supervisor;
    struct child *resolver = &supervisor.children.resolver;

    supervisor.children.owner = &supervisor;
    resolver->children = &supervisor.children;
    TAILQ_INIT(&supervisor.reload.examiner.pending);
    cr_assert_not(supervisor_singles.resolver->is_patient(resolver));
    TAILQ_INSERT_TAIL(&supervisor.reload.examiner.pending, &suspect, next);
    TAILQ_INSERT_TAIL(&supervisor.reload.examiner.pending, &other, next);
    cr_assert(supervisor_singles.resolver->is_patient(resolver));
    other.is_sent = true; /* it waits now */
    cr_assert_not(supervisor_singles.resolver->is_patient(resolver));
}

static void on_gone(void *owner, const char *reason)
{
    (void)owner;
    cr_assert_fail("%s", reason);
}

static const char *on_asked(void *owner)
{
    (void)owner;
    return NULL;
}

/* An observer that asks and does not read gets no more answers, however often it asks; once it has
 * read, it gets one. */
Test(children_events, who_reads_no_answers_gets_one_later)
{
    static const struct control_request requests[] = {{"status", CONTROL_COUNTING, on_asked},
                                                      {NULL, CONTROL_READING, NULL}};
    static const struct ipc_events channel_events = {.on_gone = on_gone};
    char bytes[4096];
    static struct supervisor supervisor;
    struct child *observer = &supervisor.children.observer;
    struct ipc_received question = {.message = IPC_STATUS_ASK};
    int ends[2];

    loop_init(&supervisor.loop);
    supervisor.children.owner = &supervisor;
    observer->children = &supervisor.children;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
    observer->channel = ipc_channel_new(&supervisor.loop, ends[0],
                                        (struct ipc_ends){ROLE_SUPERVISOR, ROLE_OBSERVER},
                                        &channel_events, observer);
    for (uint64_t i = 0; ipc_channel_queued(observer->channel) <= 64; i++) {
        cr_assert_lt(i, 100000);
        ipc_send_serial(observer->channel, IPC_PING, &(struct ipc_serial){i}, NULL);
    }
    unsigned before = ipc_channel_queued(observer->channel);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(supervisor_singles.observer->on_message(observer, &question), 0);
    cr_assert_eq(ipc_channel_queued(observer->channel), before);
    cr_assert_null(supervisor.control.asked);
    cr_assert(supervisor.is_status_due);
    while (ipc_channel_queued(observer->channel) > 0) {
        while (read(ends[1], bytes, sizeof(bytes)) > 0)
            ;
        ev_run(supervisor.loop.ev, EVRUN_ONCE);
    }
    control_init(&supervisor.control, &supervisor.loop, NULL, requests, NULL);
    supervisor_singles.observer->on_drained(observer);
    cr_assert_not(supervisor.is_status_due);
    cr_assert_not_null(supervisor.control.asked);
    control_ask_end(&supervisor.control);
    ipc_channel_free(observer->channel);
    close(ends[1]);
    loop_free(&supervisor.loop);
}
