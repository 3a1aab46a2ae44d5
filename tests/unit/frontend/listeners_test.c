/* SPDX-License-Identifier: MIT */
/* The accept side: limits, shortages, dead sockets. */
#include "frontend/gate.h"

#include <math.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct gate gate;

Test(listeners, more_room_for_a_tenant_counts_at_once)
{
    gate_open(&gate);
    gate_set_tenant(&gate, "acme", "max_connections 1;", "return 200 'ok';");
    gate_listen(&gate, "acme");
    int first = client_open(&gate);
    client_send(&gate, first, "GET / ");
    int second = client_open(&gate);
    client_send(&gate, second, GET);
    gate_run(&gate, 0.05);
    cr_assert_eq(frontend_connections(gate.frontend), 1);
    gate_set_tenant(&gate, "acme", "max_connections 2;", "return 200 'ok';");
    client_expect(&gate, second, "ok");
    close(first);
    close(second);
    gate_close(&gate);
}

Test(listeners, a_closed_listener_takes_nothing_though_others_share_its_socket)
{
    gate_start(&gate, "return 200 'ok';");
    gate_run(&gate, 0.01);
    frontend_remove_listener(gate.frontend, GATE_LISTENER, INFINITY);
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    gate_run(&gate, 0.05);
    cr_assert_eq(frontend_connections(gate.frontend), 0);
    frontend_add_listener(gate.frontend, GATE_LISTENER, dup(gate.listener));
    client_expect(&gate, fd, "ok");
    close(fd);
    gate_close(&gate);
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

    gate_start(&gate, "return 200 'ok';");
    int first = client_open(&gate);
    client_send(&gate, first, GET);
    client_expect(&gate, first, "ok");
    int second = client_open(&gate);
    client_send(&gate, second, GET);
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t before = limit.rlim_cur;
    use_up_descriptors();
    ev_timer_set(&gate.tick, 0.05, 0.05); /* the test's own turns must not be what is measured */
    ev_timer_again(gate.loop.ev, &gate.tick);
    double cpu = cpu_seconds();
    gate_run(&gate, 1.0);
    cr_assert_lt(cpu_seconds() - cpu, 0.1);
    cr_assert_eq(frontend_connections(gate.frontend), 1);
    limit.rlim_cur = before;
    setrlimit(RLIMIT_NOFILE, &limit);
    double start = loop_now(&gate.loop);
    client_expect(&gate, second, "ok");
    cr_assert_lt(loop_now(&gate.loop) - start, 1.0);
    close(first);
    close(second);
    gate_close(&gate);
}
