/* SPDX-License-Identifier: MIT */
/* What each tenant is said to be. */
#include "reload/record_state.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct arena arena;

static void begin(void)
{
    arena_init(&arena, 1024);
}

static void end(void)
{
    arena_free(&arena);
}

TestSuite(record_state, .init = begin, .fini = end);

static void check(const struct record *record, const char *state, const char *error)
{
    struct slice said = record_trouble(record, &arena);

    cr_assert_str_eq(record_state_name(record), state);
    cr_assert(slice_equal(said, slice_of(error)), "%.*s", SLICE_PRINTF(said));
}

Test(record_state, of_each_kind)
{
    struct plan_listener plans[2] = {{.text = (char *)"10.0.0.1:443"},
                                     {.text = (char *)"10.0.0.1:80"}};
    struct listener listeners[2] = {{.plan = &plans[0], .state = LISTENER_BOUND},
                                    {.plan = &plans[1], .state = LISTENER_BOUND}};
    struct record record = {.name = (char *)"a"};

    check(&record, "waiting", ""); /* its first examination */
    record.is_refused = true;
    record.error = (char *)"a.conf:1:1: no";
    check(&record, "refused", "a.conf:1:1: no");
    record.plan.bundle = ipc_blob_new(SLICE("bundle"));
    record.plan.listener_count = 2;
    record.sockets.listeners = listeners;
    record.sockets.listener_count = 2;
    record.plan.netns.text = (char *)"acme";
    check(&record, "serving", "a.conf:1:1: no"); /* by the last good version */
    record.error = NULL;
    record.is_refused = false;
    check(&record, "serving", "");
    listeners[1].state = LISTENER_DEGRADED;
    listeners[1].error = EADDRINUSE;
    check(&record, "degraded", "cannot listen on 10.0.0.1:80: Address already in use");
    listeners[1].state = LISTENER_WAITING;
    listeners[1].error = 0;
    check(&record, "degraded", "cannot listen on 10.0.0.1:80: workers still let go of it");
    listeners[1].state = LISTENER_BOUND;
    listeners[1].is_absent = true;
    check(&record, "degraded",
          "listening on 10.0.0.1:80, but network namespace acme has no such address");
    listeners[1].is_absent = false;
    record.sockets.trouble = (char *)"it is not there";
    check(&record, "waiting", "network namespace acme: it is not there");
    record.sockets.is_blocked = true;
    check(&record, "blocked", "network namespace acme: it is not there");
    record.sockets.is_blocked = false;
    record.error = (char *)"broken";
    check(&record, "waiting", "broken; network namespace acme: it is not there");
    ipc_blob_unref(record.plan.bundle);
}
