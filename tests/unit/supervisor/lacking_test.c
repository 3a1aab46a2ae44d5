/* SPDX-License-Identifier: MIT */
/* Who lacks which listener. */
#include "../../../src/supervisor/lacking_internal.h"

#include "../../../src/supervisor/workers_internal.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct child workers[2] = {{.role = ROLE_WORKER, .index = 0},
                                  {.role = ROLE_WORKER, .index = 1}};
static struct listener listeners[2];
static struct record record;

static void start(void)
{
    listeners[0] =
        (struct listener){.text = (char *)"127.0.0.1:1", .state = LISTENER_BOUND, .holders = 3};
    listeners[1] =
        (struct listener){.text = (char *)"127.0.0.1:2", .state = LISTENER_DEGRADED, .holders = 3};
    record =
        (struct record){.name = (char *)"a", .plan = {.listeners = listeners, .listener_count = 2}};
}

TestSuite(lacking, .init = start);

Test(lacking, is_each_worker_s_own)
{
    lacking_note(&workers[0], &record, SLICE("127.0.0.1:1"), EMFILE);
    lacking_note(&workers[1], &record, SLICE("127.0.0.1:1"), EMFILE);
    cr_assert_eq(listeners[0].holders, 0);
    cr_assert_eq(listeners[0].lacking, 3);
    lacking_on_taken(&workers[1], &record, SLICE("127.0.0.1:1"));
    cr_assert_eq(listeners[0].lacking, 1);
    cr_assert_eq(listeners[0].lack, EMFILE);
    lacking_on_taken(&workers[0], &record, SLICE("127.0.0.1:1"));
    cr_assert_eq(listeners[0].lacking, 0);
    cr_assert_eq(listeners[0].lack, 0, "the next time it is told again");
}

Test(lacking, is_of_what_is_bound_only)
{
    lacking_note(&workers[0], &record, SLICE("127.0.0.1:2"), EMFILE);
    lacking_note(&workers[0], &record, SLICE("127.0.0.1:3"), EMFILE);
    lacking_on_taken(&workers[0], &record, SLICE("127.0.0.1:2"));
    cr_assert_eq(listeners[0].lacking | listeners[1].lacking, 0);
    cr_assert_eq(listeners[1].holders, 3);
}
