/* SPDX-License-Identifier: MIT */
/* The accept side: limits, shortages, dead sockets. */
#include "frontend/rig.h"

#include <math.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig rig;

Test(listeners, more_room_for_a_tenant_counts_at_once)
{
    rig_open(&rig);
    rig_set_tenant(&rig, "acme", "max_connections 1;", "return 200 'ok';");
    rig_listen(&rig, "acme");
    int first = client_open(&rig);
    client_send(&rig, first, "GET / ");
    int second = client_open(&rig);
    client_send(&rig, second, GET);
    rig_run(&rig, 0.05);
    cr_assert_eq(frontend_connections(rig.frontend), 1);
    rig_set_tenant(&rig, "acme", "max_connections 2;", "return 200 'ok';");
    client_expect(&rig, second, "ok");
    close(first);
    close(second);
    rig_close(&rig);
}

Test(listeners, a_closed_listener_takes_nothing_though_others_share_its_socket)
{
    rig_start(&rig, "return 200 'ok';");
    rig_run(&rig, 0.01);
    frontend_remove_listener(rig.frontend, RIG_LISTENER, INFINITY);
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    rig_run(&rig, 0.05);
    cr_assert_eq(frontend_connections(rig.frontend), 0);
    frontend_add_listener(rig.frontend, RIG_LISTENER, dup(rig.listener));
    client_expect(&rig, fd, "ok");
    close(fd);
    rig_close(&rig);
}

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Lowers the limit so that what is open now is all there is. */
static void use_up_descriptors(void)
{
    struct rlimit limit;
    int next = dup(0);

    cr_assert_geq(next, 0);
    close(next);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)next;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

Test(listeners, a_shortage_of_descriptors_pauses_and_does_not_spin)
{
    struct rlimit limit;

    rig_start(&rig, "return 200 'ok';");
    int first = client_open(&rig);
    client_send(&rig, first, GET);
    client_expect(&rig, first, "ok");
    int second = client_open(&rig);
    client_send(&rig, second, GET);
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t before = limit.rlim_cur;
    use_up_descriptors();
    ev_timer_set(&rig.tick, 0.05, 0.05); /* the test's own turns must not be what is measured */
    ev_timer_again(rig.loop.ev, &rig.tick);
    double cpu = cpu_seconds();
    rig_run(&rig, 1.0);
    cr_assert_lt(cpu_seconds() - cpu, 0.1);
    cr_assert_eq(frontend_connections(rig.frontend), 1);
    limit.rlim_cur = before;
    setrlimit(RLIMIT_NOFILE, &limit);
    double start = loop_now(&rig.loop);
    client_expect(&rig, second, "ok");
    cr_assert_lt(loop_now(&rig.loop) - start, 1.0);
    close(first);
    close(second);
    rig_close(&rig);
}
