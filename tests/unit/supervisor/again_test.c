/* SPDX-License-Identifier: MIT */
/* The pause before another attempt, and what ends the attempts. */
#include "../../../src/supervisor/supervisor_internal.h"

#include <criterion/criterion.h>

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
