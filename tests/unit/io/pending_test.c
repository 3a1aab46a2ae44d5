/* SPDX-License-Identifier: MIT */
/* What is under way: counted, told when it is over, named while it is not. */
#include "io/pending.h"

#include "base/container_of.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

static struct loop loop;
static struct hold a;
static struct hold b;

static void describe(const struct hold *hold, char text[PENDING_TEXT])
{
    snprintf(text, PENDING_TEXT, "%s", hold == &a ? "a" : "b");
}

struct listener {
    struct pending_waiter waiter;
    unsigned told;
    bool is_done; /* waits no more once it is told */
};

static void on_idle(struct pending_waiter *waiter)
{
    struct listener *listener = CONTAINER_OF(waiter, struct listener, waiter);

    listener->told++;
    if (listener->is_done)
        pending_wait_no_more(&loop, waiter);
}

static void listener_wait(struct listener *listener, enum pending_scope scope)
{
    listener->waiter = (struct pending_waiter){.scope = scope, .on_idle = on_idle};
    pending_wait(&loop, &listener->waiter);
}

static void turn(void)
{
    ev_run(loop.ev, EVRUN_NOWAIT);
}

static void begin(void)
{
    loop_init(&loop);
    hold_init(&a, &loop, describe);
    hold_init(&b, &loop, describe);
}

static void end(void)
{
    hold_set(&a, 0);
    hold_set(&b, 0);
    loop_free(&loop);
}

TestSuite(pending, .init = begin, .fini = end);

Test(pending, the_last_end_is_told_at_the_end_of_the_turn)
{
    struct listener listener = {.told = 0};

    hold_set(&a, PENDING_RELOAD);
    hold_set(&b, PENDING_RELOAD);
    listener_wait(&listener, PENDING_RELOAD);
    turn();
    hold_set(&a, 0);
    turn();
    cr_assert_eq(listener.told, 0);
    hold_set(&b, 0);
    hold_set(&b, 0); /* it has ended already */
    cr_assert_eq(listener.told, 0);
    turn();
    cr_assert_eq(listener.told, 1);
    turn();
    cr_assert_eq(listener.told, 1, "once");
    pending_wait_no_more(&loop, &listener.waiter);
}

Test(pending, what_ends_and_begins_again_in_one_turn_has_not_ended)
{
    struct listener listener = {.told = 0};

    hold_set(&a, PENDING_RELOAD);
    listener_wait(&listener, PENDING_RELOAD);
    turn();
    hold_set(&a, 0);
    hold_set(&b, PENDING_RELOAD);
    turn();
    cr_assert_eq(listener.told, 0);
    pending_wait_no_more(&loop, &listener.waiter);
}

Test(pending, scopes_are_counted_apart)
{
    struct listener reload = {.told = 0};
    struct listener upgrade = {.told = 0, .is_done = true};

    hold_set(&a, PENDING_RELOAD | PENDING_UPGRADE);
    listener_wait(&reload, PENDING_RELOAD);
    listener_wait(&upgrade, PENDING_UPGRADE);
    hold_set(&a, PENDING_UPGRADE);
    turn();
    cr_assert_eq(reload.told, 1);
    cr_assert_eq(upgrade.told, 0);
    cr_assert_null(pending_first(&loop, PENDING_RELOAD));
    cr_assert_eq(pending_first(&loop, PENDING_UPGRADE), &a);
    hold_set(&a, PENDING_RELOAD);
    turn();
    cr_assert_eq(reload.told, 1, "it is under way again");
    cr_assert_eq(upgrade.told, 1);
    pending_wait_no_more(&loop, &reload.waiter);
}

Test(pending, who_waits_for_nothing_is_told_too)
{
    struct listener listener = {.is_done = true};

    listener_wait(&listener, PENDING_ARRIVAL);
    turn();
    cr_assert_eq(listener.told, 1);
}

Test(pending, the_oldest_is_named)
{
    char text[PENDING_TEXT];

    cr_assert_null(pending_first(&loop, PENDING_UPGRADE));
    hold_set(&b, PENDING_UPGRADE);
    hold_set(&a, PENDING_UPGRADE);
    pending_first(&loop, PENDING_UPGRADE)->describe(pending_first(&loop, PENDING_UPGRADE), text);
    cr_assert_str_eq(text, "b");
    hold_set(&b, 0);
    cr_assert_eq(pending_first(&loop, PENDING_UPGRADE), &a);
}

Test(pending, a_holder_that_goes_without_a_word_is_a_fault, .signal = SIGABRT, .fini = NULL)
{
    hold_set(&a, PENDING_RELOAD);
    loop_free(&loop);
}
