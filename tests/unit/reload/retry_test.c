/* SPDX-License-Identifier: MIT */
/* The pause before another attempt, and what ends the attempts. */
#include "reload/record.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static struct loop loop;
static struct registry registry;
static struct retries retries;
static struct record record;

static bool may_try(void *owner)
{
    (void)owner;
    return true;
}

static void try(void *owner, struct record *tried)
{
    (void)owner;
    cr_assert_fail("%s is tried", tried->name);
}

static const struct retry_events retry_events = {.may_try = may_try, .try = try};

static void open_record(void)
{
    registry = (struct registry){0};
    record = (struct record){.name = (char *)"a"};
    loop_init(&loop);
    retries_init(&retries, &registry, &loop, &retry_events, NULL);
}

static void close_record(void)
{
    retry_forget(&record);
    retries_stop(&retries);
    loop_free(&loop);
}

TestSuite(retry, .init = open_record, .fini = close_record);

static void refuse(void)
{
    struct dependencies dependencies = {0};

    dependencies_add_file(&dependencies, "/nowhere/a.conf");
    retry_later(&retries, &record, RETRY_DEATH, &dependencies);
    cr_assert_eq(dependencies.count, 0);
    cr_assert_eq(record.retry.dependencies.count, 1);
}

Test(retry, the_pause_grows_up_to_its_limit)
{
    refuse();
    cr_assert_float_eq(record.retry.pause, 1., 0.001);
    cr_assert_float_eq(record.retry.at, loop_now(&loop) + 1., 0.001);
    refuse();
    cr_assert_float_eq(record.retry.pause, 2., 0.001);
    for (int i = 0; i < 20; i++)
        refuse();
    cr_assert_float_eq(record.retry.pause, 300., 0.001);
}

Test(retry, what_is_forgotten_is_not_tried)
{
    refuse();
    retry_forget(&record);
    cr_assert_eq(record.retry.at, 0.);
    cr_assert_eq(record.retry.dependencies.count, 0);
    refuse();
    cr_assert_float_eq(record.retry.pause, 2., 0.001, "the pause goes on to grow");
}

Test(retry, names_are_tried_sooner_and_begin_anew_once_they_have_addresses)
{
    refuse();
    refuse();
    retry_later(&retries, &record, RETRY_NAMES, NULL);
    cr_assert_float_eq(record.retry.pause, 1., 0.001, "deaths do not count for names");
    cr_assert_eq(record.retry.dependencies.count, 0, "those of the plan in force");
    for (int i = 0; i < 20; i++)
        retry_later(&retries, &record, RETRY_NAMES, NULL);
    cr_assert_float_eq(record.retry.pause, 30., 0.001);
    retry_end(&record);
    cr_assert(record.retry.pause == 0. && record.retry.at == 0.);
    refuse();
    retry_end(&record);
    cr_assert_float_eq(record.retry.pause, 1., 0.001, "no end of a death's pause");
}

Test(retry, checks_of_the_configuration_try_nothing_again)
{
    struct dependencies dependencies = {0};

    retries.is_off = true;
    retry_later(&retries, &record, RETRY_DEATH, &dependencies);
    cr_assert_eq(record.retry.at, 0.);
}

/* ---- what is due ---- */

static struct record *due;

static void on_pass(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)timer;
    (void)events;
    if (due->retry.at > 1.)
        ev_break(ev, EVBREAK_ALL);
}

/* Its files are elsewhere for a moment: it goes on to wait for them, and nothing is examined. */
Test(retry, other_files_are_waited_out, .timeout = 30)
{
    char path[] = "/tmp/nsg-retry-XXXXXX";
    struct dependencies dependencies = {0};
    ev_timer pass;
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    close(fd);
    due = registry_add(&registry, SLICE("due"), path, NULL);
    dependencies_add_file(&dependencies, path);
    unlink(path);
    retry_later(&retries, due, RETRY_NAMES, &dependencies);
    due->retry.at = 1.; /* long ago */
    ev_timer_init(&pass, on_pass, 0.05, 0.05);
    ev_timer_start(loop.ev, &pass);
    ev_run(loop.ev, 0);
    cr_assert_null(due->examination);
    cr_assert_float_eq(due->retry.pause, 2., 0.001);
    cr_assert_eq(due->retry.dependencies.count, 1);
    cr_assert(due->retry.at > 0.);
    ev_timer_stop(loop.ev, &pass);
    registry_remove(&registry, due);
}

Test(retry, behind_an_upgrade_those_with_a_time_go_on)
{
    struct record *idle = registry_add(&registry, SLICE("idle"), "file", NULL);

    due = registry_add(&registry, SLICE("due"), "file", NULL);
    due->retry = (struct retry){.reason = RETRY_NAMES, .at = 1., .pause = 8.};
    retries_resume(&retries);
    cr_assert_float_eq(due->retry.at, loop_now(&loop) + 16., 0.001);
    cr_assert(idle->retry.at == 0. && idle->retry.dependencies.count == 0);
    cr_assert(deadline_is_set(&retries.tick));
    while (registry.records)
        registry_remove(&registry, registry.records);
}
