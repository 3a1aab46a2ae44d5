/* SPDX-License-Identifier: MIT */
/* What each child holds up while it has something under way, and what is said of it. */
#include "children/deliveries_internal.h"
#include "children/generation.h"
#include "children/progress_internal.h"
#include "children/workers.h"

#include "base/memory.h"

#include <criterion/criterion.h>

static struct loop loop;
static struct children children;
static struct child *worker;
static struct assignment tenant = {.name = "a"};

static void nothing(void *owner)
{
    (void)owner;
}

static const struct child_events resolver_events;
static const struct children_events events = {.on_lacking = nothing};

static void begin(void)
{
    loop_init(&loop);
    children_init(&children, &loop, "/nowhere",
                  &(struct children_singles){&resolver_events, &resolver_events}, &events);
    worker = memory_zeroed(1, sizeof(*worker));
    children.present = (struct generation){worker, 1, 0};
    worker_init(worker, &children, 0, 0);
}

static void end(void)
{
    children_free(&children);
    loop_free(&loop);
}

static const char *find(enum pending_scope scope)
{
    const struct hold *hold = pending_first(&loop, scope);
    static char text[PENDING_TEXT];

    text[0] = '\0';
    if (hold)
        hold->describe(hold, text);
    return text;
}

/* As it is when it serves. */
static void be_ready(struct child *child)
{
    int sockets[2];

    cr_assert_eq(ipc_pair(sockets), 0);
    child_inherit(child, 1, sockets[0], true);
}

TestSuite(progress, .init = begin, .fini = end);

Test(progress, who_does_not_run_holds_up_nobody)
{
    progress_note(worker);
    cr_assert_not(progress_is_due(worker));
    be_ready(worker);
    cr_assert_not(progress_is_due(worker), "nor who has nothing to do");
}

Test(progress, what_was_sent_is_under_way_until_it_is_taken)
{
    be_ready(worker);
    deliveries_add(worker, &tenant, NULL);
    cr_assert_str_eq(find(PENDING_RELOAD), "worker 0, which has not taken over tenant a");
    cr_assert_str_eq(find(PENDING_UPGRADE), "worker 0, which has not taken over tenant a");
    cr_assert_str_eq(find(PENDING_ARRIVAL), "");
    deliveries_take_first(worker);
    cr_assert_not(progress_is_due(worker));
    worker_set_lacking(worker);
    cr_assert_str_eq(find(PENDING_RELOAD), "worker 0, which has not been told everything");
}

/* What waits there would not be sent by another binary. */
Test(progress, a_queue_holds_up_an_upgrade)
{
    be_ready(worker);
    while (ipc_channel_queued(worker->channel) == 0)
        child_ping(worker);
    cr_assert_str_eq(find(PENDING_UPGRADE), "worker 0, which has not been told everything");
    cr_assert_str_eq(find(PENDING_RELOAD), "");
    child_close(worker);
    cr_assert_not(progress_is_due(worker));
}

/* The next binary may be what mends it. */
Test(progress, who_comes_back_holds_up_a_reload_alone)
{
    deadline_set(&worker->timer, 10.);
    progress_note(worker);
    cr_assert_str_eq(find(PENDING_RELOAD), "worker 0, which is not ready");
    cr_assert_str_eq(find(PENDING_UPGRADE), "");
    child_stop(worker);
    cr_assert_not(progress_is_due(worker));
}

Test(progress, a_former_worker_until_it_has_heard_of_its_end)
{
    be_ready(worker);
    worker->is_former = true;
    worker->drain_ping = child_ping(worker);
    progress_note(worker);
    cr_assert(pending_first(&loop, PENDING_RELOAD) && pending_first(&loop, PENDING_ARRIVAL));
    cr_assert_str_eq(find(PENDING_UPGRADE), "", "its drain does");
    worker->heartbeat.answered = worker->drain_ping;
    progress_note(worker);
    cr_assert_not(progress_is_due(worker));
}

Test(progress, a_resolver_holds_up_an_upgrade_while_it_ends)
{
    be_ready(&children.resolver);
    cr_assert_str_eq(find(PENDING_UPGRADE), "");
    child_dismiss(&children.resolver);
    cr_assert_str_eq(find(PENDING_UPGRADE), "the end of the resolver");
}

Test(progress, nobody_waits_for_workers_at_the_end)
{
    be_ready(worker);
    deliveries_add(worker, &tenant, NULL);
    children_stop(&children);
    cr_assert_str_eq(find(PENDING_RELOAD), "");
    cr_assert_str_eq(find(PENDING_UPGRADE), "");
}
