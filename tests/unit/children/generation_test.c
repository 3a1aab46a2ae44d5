/* SPDX-License-Identifier: MIT */
/* One generation of workers makes room for the next. */
#include "rig/rig.h"
#include "rig/talk.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

#define RELOADED "reload done: 0 added, 0 changed, 0 removed, 0 refused"

static void set_main(const struct rig *rig, unsigned workers, const char *more)
{
    rig_write(rig, "nsgate.conf",
              "worker_processes %u;\nworkers_per_tenant 1;\nerror_log log info;\npid pid;\n"
              "worker_shutdown_timeout 1s;\ntenants tenants/*.conf;\n%s",
              workers, more);
}

static void set_workers(const struct rig *rig, unsigned count)
{
    set_main(rig, count, "");
}

/* One tenant and two workers. */
static int open_rig(struct rig *rig, const char *text)
{
    int port = rig_port();

    rig_open(rig);
    rig_tenant(rig, "a", port, text);
    rig_start(rig, "started: 1 tenants, 0 waiting, 0 refused, 2 workers");
    return port;
}

TestSuite(generation, .fini = rig_end);

Test(generation, another_number_of_workers)
{
    struct rig rig;
    int port = open_rig(&rig, "a");
    pid_t first = rig_child(&rig, "worker 0");

    set_workers(&rig, 3);
    rig_signal(&rig, SIGHUP, RELOADED);
    cr_assert(rig_has_logged(&rig, "starting 3 workers in place of 2"));
    cr_assert(rig_has_logged(&rig, "3 new workers serve, the old ones drain"));
    cr_assert_neq(rig_child(&rig, "worker 0"), first);
    rig_expect(&rig, "the old workers have ended");
    cr_assert_lt(kill(first, 0), 0);
    cr_assert(rig_connects(port));
    set_workers(&rig, 1);
    rig_signal(&rig, SIGHUP, RELOADED);
    cr_assert(rig_has_logged(&rig, "starting 1 workers in place of 3"));
    cr_assert(rig_connects(port));
    rig_remove(&rig, "tenants/a.conf");
    talk_force(&rig, "reload done: 0 added, 0 changed, 1 removed");
    kill(rig.pid, SIGTERM);
    cr_assert_eq(rig_wait(&rig), 0);
    rig_close(&rig);
}

Test(generation, another_sandbox)
{
    struct rig rig;
    int port = open_rig(&rig, "a");
    pid_t first = rig_child(&rig, "worker 0");

    set_main(&rig, 2, "sandbox off;");
    rig_signal(&rig, SIGHUP, RELOADED);
    cr_assert(rig_has_logged(&rig, "starting 2 workers in place of 2"));
    cr_assert_neq(rig_child(&rig, "worker 0"), first);
    cr_assert(rig_connects(port));
    kill(rig.pid, SIGTERM);
    cr_assert_eq(rig_wait(&rig), 0);
    rig_close(&rig);
}

/* At most two live: the third is started when the first has ended, by force if need be. */
Test(generation, a_third_one_waits)
{
    struct rig rig;
    int port = open_rig(&rig, "keep-worker");
    pid_t first = rig_child(&rig, "worker 0");

    set_workers(&rig, 1);
    rig_signal(&rig, SIGHUP, RELOADED);
    set_workers(&rig, 3);
    rig_signal(&rig, SIGHUP, "workers of before still drain");
    cr_assert_not(rig_has_logged(&rig, "starting 3 workers"));
    rig_expect(&rig, "old workers do not end, killing them");
    rig_expect(&rig, "starting 3 workers in place of 1");
    rig_expect(&rig, "3 new workers serve");
    cr_assert_lt(kill(first, 0), 0);
    cr_assert(rig_connects(port));
    rig_close(&rig);
}

Test(generation, the_old_one_goes_on_while_the_new_one_cannot_start)
{
    struct rig rig;
    int port = open_rig(&rig, "a");
    pid_t first = rig_child(&rig, "worker 0");

    rig_program(&rig, "exit 1");
    set_workers(&rig, 1);
    kill(rig.pid, SIGHUP);
    rig_expect(&rig, "starting 1 workers in place of 2");
    for (int i = 0; i < 8; i++) /* more than a first start would stand */
        rig_signal(&rig, SIGCONT, "exited with status 1");
    cr_assert_eq(kill(first, 0), 0);
    cr_assert(rig_connects(port));
    cr_assert_not(rig_has_logged(&rig, "the old ones drain"));
    rig_program(&rig, NULL);
    rig_expect(&rig, "1 new workers serve, the old ones drain");
    rig_expect(&rig, RELOADED);
    rig_expect(&rig, "the old workers have ended");
    cr_assert(rig_connects(port));
    rig_close(&rig);
}

/* "Reload done" means that no old worker takes a connection any more; one that cannot be asked is
 * killed when its time to drain is over. */
Test(generation, a_reload_waits_until_the_old_ones_have_heard_of_it)
{
    struct rig rig;
    pid_t first;

    open_rig(&rig, "a");
    first = rig_child(&rig, "worker 0");
    kill(first, SIGSTOP);
    set_workers(&rig, 1);
    rig_signal(&rig, SIGHUP, "the old ones drain");
    cr_assert_not(rig_has_logged(&rig, "reload done"));
    rig_expect(&rig, "old workers do not end, killing them");
    rig_expect(&rig, RELOADED);
    /* Its channel has told that it ends; that it has ended comes later. */
    rig_expect(&rig, "was killed by signal 9");
    cr_assert_lt(kill(first, 0), 0);
    rig_close(&rig);
}

/* The operator takes back what did not work, once the reload has given up waiting for it. */
Test(generation, one_that_has_not_served_is_replaced_at_once, .timeout = 60)
{
    struct rig rig;
    int port = open_rig(&rig, "a");
    pid_t first = rig_child(&rig, "worker 0");
    pid_t second;

    rig_program(&rig, "exec sleep 60");
    set_workers(&rig, 1);
    rig_signal(&rig, SIGHUP, "starting 1 workers in place of 2");
    sleep(1);
    rig_expect(&rig, "1 workers have not taken it over within 10 s");
    cr_assert(rig_has_logged(&rig, "reload incomplete: 0 added"));
    second = rig_child(&rig, "worker 0");
    cr_assert_eq(kill(first, 0), 0);
    rig_program(&rig, NULL);
    set_workers(&rig, 3);
    rig_signal(&rig, SIGHUP, "the new workers have not served yet, others are started instead");
    rig_expect(&rig, "3 new workers serve, the old ones drain");
    rig_expect(&rig, "the old workers have ended");
    cr_assert_lt(kill(first, 0), 0);
    cr_assert_lt(kill(second, 0), 0);
    cr_assert(rig_connects(port));
    rig_close(&rig);
}

/* Who is dead waits for its next start, up to 0.6 s; its generation may end sooner. */
Test(generation, the_old_one_ends_while_all_of_it_is_dead)
{
    struct rig rig;
    int port = open_rig(&rig, "a");

    rig_program(&rig, "exit 1");
    kill(rig_child(&rig, "worker 0"), SIGKILL);
    kill(rig_child(&rig, "worker 1"), SIGKILL);
    for (int i = 0; i < 10; i++)
        rig_signal(&rig, SIGCONT, "exited with status 1");
    rig_program(&rig, NULL);
    set_workers(&rig, 1);
    rig_signal(&rig, SIGHUP, "the old workers have ended");
    sleep(1); /* what must not happen has no line in the log */
    cr_assert(rig_connects(port));
    kill(rig.pid, SIGTERM);
    cr_assert_eq(rig_wait(&rig), 0);
    rig_close(&rig);
}

Test(generation, both_end_with_the_supervisor)
{
    struct rig rig;
    pid_t first;

    open_rig(&rig, "a");
    first = rig_child(&rig, "worker 0");
    rig_program(&rig, "exec sleep 60");
    set_workers(&rig, 1);
    kill(rig.pid, SIGHUP);
    rig_expect(&rig, "starting 1 workers in place of 2");
    kill(rig.pid, SIGQUIT);
    cr_assert_eq(rig_wait(&rig), 0);
    cr_assert_lt(kill(first, 0), 0);
    rig_close(&rig);
}

static void set_limit(const struct rig *rig, const char *limit, unsigned workers)
{
    rig_write(rig, "nsgate.conf",
              "worker_processes %u;\nworkers_per_tenant 1;\nerror_log log info;\npid pid;\n"
              "worker_shutdown_timeout %s;\ntenants tenants/*.conf;\n",
              workers, limit);
}

/* However often and however soon they come. */
Test(generation, reloads_give_a_drain_no_more_time)
{
    struct rig rig;
    int reloads = 0;

    open_rig(&rig, "keep-worker");
    set_workers(&rig, 3);
    rig_signal(&rig, SIGHUP, "the old ones drain");
    for (; reloads < 100 && !rig_has_logged(&rig, "old workers do not end, killing"); reloads++) {
        kill(rig.pid, SIGHUP);
        usleep(200 * 1000);
    }
    cr_assert_lt(reloads, 100);
    cr_assert_gt(reloads, 4);
    rig_expect(&rig, "the old workers have ended");
    rig_close(&rig);
}

Test(generation, a_shorter_limit_holds_for_a_drain_that_runs)
{
    struct rig rig;

    open_rig(&rig, "keep-worker");
    set_limit(&rig, "60s", 3);
    rig_signal(&rig, SIGHUP, "the old ones drain");
    set_limit(&rig, "90s", 3);
    rig_signal(&rig, SIGHUP, RELOADED);
    set_limit(&rig, "1s", 3);
    rig_signal(&rig, SIGHUP, RELOADED);
    rig_expect(&rig, "old workers do not end, killing them");
    rig_close(&rig);
}
