/* SPDX-License-Identifier: MIT */
/* What keeps an upgrade waiting, and for how long it may. */
#include "children/workers.h"
#include "rig/rig.h"

#include "rig/talk.h"
#include "supervisor/supervisor_internal.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static struct supervisor supervisor;
static struct child workers[2];
static struct child former[3];

static void open_supervisor(void)
{
    supervisor_init(&supervisor, "/nowhere/nsgate.conf", "/nowhere/nsgate");
    supervisor.children.present = (struct generation){workers, 2, 0};
    for (unsigned i = 0; i < 2; i++)
        worker_init(&workers[i], &supervisor.children, i, 0);
}

static void close_supervisor(void)
{
    supervisor.children.present = (struct generation){0};
    supervisor.children.handover.former = (struct generation){0};
    supervisor.state = SUPERVISOR_ENDING;
    supervisor_free(&supervisor);
}

static struct upgrade_wait find(void)
{
    struct upgrade_wait wait;

    supervisor_upgrade_events.find_wait(&supervisor, &wait);
    return wait;
}

TestSuite(upgrading, .init = open_supervisor, .fini = close_supervisor);

Test(upgrading, nothing)
{
    cr_assert_eq(find().kind, UPGRADE_WAITS_NOT);
}

Test(upgrading, a_reload)
{
    supervisor.reload.kind = RELOAD_ASKED;
    supervisor.reload.examiner.count = 3;
    cr_assert_eq(find().kind, UPGRADE_WAITS_ROUND);
    cr_assert(strstr(find().text, "3 tenants"));
    supervisor.reload.examiner.count = 0;
}

static void set_former(enum handover_state state)
{
    supervisor.children.handover.former = (struct generation){former, 3, 0};
    supervisor.children.handover.state = state;
    for (unsigned i = 0; i < 3; i++)
        worker_init(&former[i], &supervisor.children, i, 0);
    former[1].pid = 1;
}

Test(upgrading, workers_that_drain)
{
    set_former(HANDOVER_DRAINING);
    supervisor.children.handover.drains_until = loop_now(&supervisor.loop) + 7.;
    cr_assert_eq(find().kind, UPGRADE_WAITS_DRAIN);
    cr_assert(strstr(find().text, "workers that drain (1 of them, at most 7 s more)"));
}

/* They cannot be started, for example: nobody drains. */
Test(upgrading, new_workers_that_do_not_serve)
{
    set_former(HANDOVER_PREPARING);
    workers[0].state = CHILD_READY;
    cr_assert_eq(find().kind, UPGRADE_WAITS_WORKERS);
    cr_assert(strstr(find().text, "new workers that do not serve yet (1 of them)"));
    cr_assert_null(strstr(find().text, "drain"));
}

Test(upgrading, a_worker_that_is_not_ready)
{
    workers[1].pid = 1;
    workers[1].state = CHILD_STARTING;
    cr_assert_eq(find().kind, UPGRADE_WAITS_WORKERS);
    cr_assert(strstr(find().text, "worker 1, which is not ready"));
    workers[1].pid = 0;
}

Test(upgrading, gives_up_and_says_for_what_it_waited)
{
    set_former(HANDOVER_PREPARING);
    supervisor.upgrade.patience = 0.2;
    upgrade_begin(&supervisor.upgrade);
    for (int i = 0; i < 1000 && supervisor.upgrade.state != UPGRADE_NONE; i++) {
        cr_assert_eq(supervisor.upgrade.state, UPGRADE_WANTED);
        ev_run(supervisor.loop.ev, EVRUN_ONCE);
    }
    cr_assert_eq(supervisor.upgrade.state, UPGRADE_NONE);
}

Test(upgrading, who_asks_is_told, .init = NULL, .fini = rig_end)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "keep-worker");
    rig_start(&rig, "started: 1 tenants");
    rig_write(&rig, "nsgate.conf",
              "worker_processes 3;\nworkers_per_tenant 1;\nerror_log log info;\npid pid;\n"
              "worker_shutdown_timeout 2s;\ntenants tenants/*.conf;\n");
    rig_signal(&rig, SIGHUP, "the old ones drain");
    cr_assert_eq(talk(&rig, "upgrade\n", "waits\tthe end of workers that drain (1 of them"), 0);
    rig_expect(&rig, "upgrade: waits for the end of workers that drain");
    rig_close(&rig);
}
