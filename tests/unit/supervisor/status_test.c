/* SPDX-License-Identifier: MIT */
/* What each tenant is said to be. */
#include "rig.h"
#include "talk.h"

#include "../../../src/supervisor/status_internal.h"
#include "../../../src/supervisor/supervisor_internal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>

static struct arena arena;

static void begin(void)
{
    arena_init(&arena, 1024);
}

static void end(void)
{
    arena_free(&arena);
    rig_end();
}

TestSuite(status, .init = begin, .fini = end);

static void check(const struct record *record, const char *state, const char *error)
{
    struct slice said = status_error(record, &arena);

    cr_assert_str_eq(status_state(record), state);
    cr_assert(slice_equal(said, slice_of(error)), "%.*s", SLICE_PRINTF(said));
}

Test(status, of_each_kind)
{
    struct listener listeners[2] = {{.text = (char *)"10.0.0.1:443", .state = LISTENER_BOUND},
                                    {.text = (char *)"10.0.0.1:80", .state = LISTENER_BOUND}};
    struct record record = {.name = (char *)"a"};

    check(&record, "waiting", ""); /* its first examination */
    record.is_refused = true;
    record.error = (char *)"a.conf:1:1: no";
    check(&record, "refused", "a.conf:1:1: no");
    record.plan.bundle = ipc_blob_new(SLICE("bundle"));
    record.plan.listeners = listeners;
    record.plan.listener_count = 2;
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
    record.netns_trouble = (char *)"it is not there";
    check(&record, "waiting", "network namespace acme: it is not there");
    record.is_blocked = true;
    check(&record, "blocked", "network namespace acme: it is not there");
    record.is_blocked = false;
    record.error = (char *)"broken";
    check(&record, "waiting", "broken; network namespace acme: it is not there");
    ipc_blob_unref(record.plan.bundle);
}

Test(status, is_told_tenant_by_tenant)
{
    struct rig rig;
    char expected[128];
    int a = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", a, "a");
    rig_write(&rig, "tenants/b.conf", "nonsense;\n");
    rig_tenant(&rig, "c", rig_port(), "outdate-me");
    rig_start(&rig, "started: 2 tenants");
    rig_tenant(&rig, "a", a, "another");
    rig_signal(&rig, SIGHUP, "reload done");
    cr_assert_eq(talk(&rig, "status\n", "gateway\tversion="), 0);
    snprintf(expected, sizeof(expected), "\tpid=%d\tuptime=", (int)rig.pid);
    cr_assert(talk_said(expected));
    cr_assert(talk_said("\tgeneration=1\tworkers=2\tdraining=0\t"));
    cr_assert(
        talk_said("tenant\tname=a\tnetns=host\tinode=0\tstate=serving\tbound=1\tlisteners=1"));
    cr_assert(talk_said("\tgeneration=2\terror=\n"));
    cr_assert(talk_said("tenant\tname=b\tnetns=\tinode=0\tstate=refused\tbound=0\tlisteners=0\t"));
    cr_assert(talk_said("\texpires=0\tgeneration=0\terror="));
    cr_assert(talk_said("b.conf:1:1: unknown directive"));
    cr_assert(talk_said("\texpires=1\tgeneration=1\terror=\n"));
    cr_assert(talk_said("end\t1\n"), "one is refused");
    rig_close(&rig);
}
