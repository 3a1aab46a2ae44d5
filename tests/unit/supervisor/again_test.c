/* SPDX-License-Identifier: MIT */
/* The pause before another attempt, and what ends the attempts. */
#include "supervisor/supervisor_internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static struct supervisor supervisor;
static struct record record;

static void open_record(void)
{
    supervisor = (struct supervisor){0};
    record = (struct record){.name = (char *)"a"};
    loop_init(&supervisor.loop);
    again_init(&supervisor);
}

static void close_record(void)
{
    again_forget(&record);
    again_stop(&supervisor);
    loop_free(&supervisor.loop);
}

TestSuite(again, .init = open_record, .fini = close_record);

static void refuse(void)
{
    struct dependencies dependencies = {0};

    dependencies_add_file(&dependencies, "/nowhere/a.conf");
    again_later(&supervisor, &record, AGAIN_DEATH, &dependencies);
    cr_assert_eq(dependencies.count, 0);
    cr_assert_eq(record.again.dependencies.count, 1);
}

Test(again, the_pause_grows_up_to_its_limit)
{
    refuse();
    cr_assert_float_eq(record.again.pause, 1., 0.001);
    cr_assert_float_eq(record.again.at, loop_now(&supervisor.loop) + 1., 0.001);
    refuse();
    cr_assert_float_eq(record.again.pause, 2., 0.001);
    for (int i = 0; i < 20; i++)
        refuse();
    cr_assert_float_eq(record.again.pause, 300., 0.001);
}

Test(again, what_is_forgotten_is_not_tried)
{
    refuse();
    again_forget(&record);
    cr_assert_eq(record.again.at, 0.);
    cr_assert_eq(record.again.dependencies.count, 0);
    refuse();
    cr_assert_float_eq(record.again.pause, 2., 0.001, "the pause goes on to grow");
}

Test(again, names_are_tried_sooner_and_begin_anew_once_they_have_addresses)
{
    refuse();
    refuse();
    again_later(&supervisor, &record, AGAIN_NAMES, NULL);
    cr_assert_float_eq(record.again.pause, 1., 0.001, "deaths do not count for names");
    cr_assert_eq(record.again.dependencies.count, 0, "those of the plan in force");
    for (int i = 0; i < 20; i++)
        again_later(&supervisor, &record, AGAIN_NAMES, NULL);
    cr_assert_float_eq(record.again.pause, 30., 0.001);
    again_end(&record);
    cr_assert(record.again.pause == 0. && record.again.at == 0.);
    refuse();
    again_end(&record);
    cr_assert_float_eq(record.again.pause, 1., 0.001, "no end of a death's pause");
}

Test(again, checks_of_the_configuration_try_nothing_again)
{
    struct dependencies dependencies = {0};

    supervisor.round.kind = ROUND_TEST;
    again_later(&supervisor, &record, AGAIN_DEATH, &dependencies);
    cr_assert_eq(record.again.at, 0.);
}

/* ---- what is due ---- */

static struct record *due;

static void on_pass(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)timer;
    (void)events;
    if (due->again.at > 1.)
        ev_break(ev, EVBREAK_ALL);
}

/* Its files are elsewhere for a moment: it goes on to wait for them, and nothing is examined. */
Test(again, other_files_are_waited_out, .timeout = 30)
{
    char path[] = "/tmp/nsg-again-XXXXXX";
    struct dependencies dependencies = {0};
    ev_timer pass;
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    close(fd);
    due = registry_add(&supervisor.registry, SLICE("due"), path, NULL);
    dependencies_add_file(&dependencies, path);
    unlink(path);
    again_later(&supervisor, due, AGAIN_NAMES, &dependencies);
    due->again.at = 1.; /* long ago */
    ev_timer_init(&pass, on_pass, 0.05, 0.05);
    ev_timer_start(supervisor.loop.ev, &pass);
    ev_run(supervisor.loop.ev, 0);
    cr_assert_null(due->examination);
    cr_assert_float_eq(due->again.pause, 2., 0.001);
    cr_assert_eq(due->again.dependencies.count, 1);
    cr_assert(due->again.at > 0.);
    ev_timer_stop(supervisor.loop.ev, &pass);
    registry_remove(&supervisor.registry, due);
}

Test(again, behind_an_upgrade_those_with_a_time_go_on)
{
    struct record *idle = registry_add(&supervisor.registry, SLICE("idle"), "file", NULL);

    due = registry_add(&supervisor.registry, SLICE("due"), "file", NULL);
    due->again = (struct again){.reason = AGAIN_NAMES, .at = 1., .pause = 8.};
    again_resume(&supervisor);
    cr_assert_float_eq(due->again.at, loop_now(&supervisor.loop) + 16., 0.001);
    cr_assert(idle->again.at == 0. && idle->again.dependencies.count == 0);
    cr_assert(ev_is_active(&supervisor.again));
    while (supervisor.registry.records)
        registry_remove(&supervisor.registry, supervisor.registry.records);
}
