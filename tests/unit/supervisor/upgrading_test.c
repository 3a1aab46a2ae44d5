/* SPDX-License-Identifier: MIT */
/* What keeps an upgrade waiting, and for how long it may. */
#include "base/memory.h"
#include "children/generation.h"
#include "children/workers.h"
#include "rig/rig.h"

#include "rig/talk.h"
#include "supervisor/supervisor_internal.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static struct supervisor supervisor;
static struct child *workers;

static void open_supervisor(void)
{
    supervisor_init(&supervisor, "/nowhere/nsgate.conf", "/nowhere/nsgate");
    workers = memory_zeroed(2, sizeof(workers[0]));
    supervisor.children.present = (struct generation){workers, 2, 0};
    for (unsigned i = 0; i < 2; i++)
        worker_init(&workers[i], &supervisor.children, i, 0);
}

static void close_supervisor(void)
{
    supervisor.state = SUPERVISOR_ENDING;
    supervisor_free(&supervisor);
}

/* What is waited for; empty: nothing. */
static const char *find(void)
{
    const struct hold *hold = pending_first(&supervisor.loop, PENDING_UPGRADE);
    static char text[PENDING_TEXT];

    text[0] = '\0';
    if (hold)
        hold->describe(hold, text);
    return text;
}

TestSuite(upgrading, .init = open_supervisor, .fini = close_supervisor);

Test(upgrading, nothing)
{
    cr_assert_str_eq(find(), "");
}

Test(upgrading, a_reload)
{
    hold_set(&supervisor.reload.hold, PENDING_UPGRADE);
    supervisor.reload.examiner.count = 3;
    cr_assert_str_eq(find(), "the end of a reload (3 tenants are being examined)");
    supervisor.reload.examiner.count = 0;
}

static void set_former(void)
{
    struct generation former = {memory_zeroed(3, sizeof(former.workers[0])), 3, 0};

    for (unsigned i = 0; i < 3; i++)
        worker_init(&former.workers[i], &supervisor.children, i, 0);
    former.workers[1].pid = 1;
    generation_inherit(&supervisor.children, &former);
}

Test(upgrading, workers_that_drain)
{
    set_former();
    supervisor.children.handover.state = HANDOVER_DRAINING;
    supervisor.children.handover.drains_until = loop_now(&supervisor.loop) + 7.;
    cr_assert_str_eq(find(), "the end of workers that drain (1 of them, at most 7 s more)");
}

/* They cannot be started, for example: nobody drains. */
Test(upgrading, new_workers_that_do_not_serve)
{
    set_former();
    child_inherit(&workers[1], 1, -1, true);
    cr_assert_str_eq(find(), "new workers that do not serve yet (1 of them)");
}

Test(upgrading, a_worker_that_is_not_ready)
{
    child_inherit(&workers[1], 1, -1, true);
    cr_assert_str_eq(find(), "worker 1, which is not ready");
}

Test(upgrading, gives_up_and_says_for_what_it_waited)
{
    set_former();
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
