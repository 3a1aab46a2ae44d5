/* SPDX-License-Identifier: MIT */
/* The accept side: limits, shortages, dead sockets. */
#include "frontend/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct gate gate;

Test(listeners, the_oldest_idle_connection_makes_room)
{
    gate_open(&gate);
    gate_set_tenant(&gate, "acme", "max_connections 2;", "return 200 'ok';");
    gate_listen(&gate, "acme");
    int first = client_open(&gate);
    client_send(&gate, first, GET);
    client_expect(&gate, first, "ok");
    int second = client_open(&gate);
    client_send(&gate, second, GET);
    client_expect(&gate, second, "ok");
    int third = client_open(&gate);
    client_send(&gate, third, GET);
    client_expect(&gate, third, "ok");
    client_rest(&gate, first);
    cr_assert_eq(gate.len, 0);
    client_send(&gate, second, GET);
    client_expect(&gate, second, "ok");
    cr_assert_eq(frontend_connections(gate.frontend), 2);
    close(first);
    close(second);
    close(third);
    gate_close(&gate);
}

Test(listeners, busy_connections_hold_the_limit_until_one_is_closed)
{
    gate_open(&gate);
    gate.tally = NULL;
    gate_set_tenant(&gate, "acme", "max_connections 2;", "return 200 'ok';");
    gate_listen(&gate, "acme");
    int first = client_open(&gate);
    int second = client_open(&gate);
    client_send(&gate, first, "GET / ");
    client_send(&gate, second, "GET / ");
    int third = client_open(&gate);
    client_send(&gate, third, GET);
    gate_run(&gate, 0.25);
    cr_assert_eq(frontend_connections(gate.frontend), 2);
    close(first);
    client_expect(&gate, third, "ok");
    close(second);
    close(third);
    gate_close(&gate);
}

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

Test(listeners, a_dead_socket_is_told_once_and_left_alone)
{
    gate_start(&gate, "return 200 'ok';");
    gate_run(&gate, 0.01);
    shutdown(gate.listener, SHUT_RDWR);
    gate_until(&gate, gate.dead == 1);
    cr_assert_eq(gate.dead_error, EINVAL);
    gate_run(&gate, 0.05);
    cr_assert_eq(gate.dead, 1);
    gate_listen(&gate, "acme");
    client_ask(&gate, GET, "ok");
    gate_close(&gate);
}

Test(listeners, a_closed_listener_takes_nothing_though_others_share_its_socket)
{
    gate_start(&gate, "return 200 'ok';");
    gate_run(&gate, 0.01);
    frontend_remove_listener(gate.frontend, GATE_PLACE, INFINITY);
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    gate_run(&gate, 0.05);
    cr_assert_eq(frontend_connections(gate.frontend), 0);
    frontend_add_listener(gate.frontend, GATE_PLACE, dup(gate.listener));
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

Test(listeners, many_clients_at_once_are_all_served)
{
    gate_start(&gate, "return 200 'ok';");
    int fds[60];
    for (unsigned i = 0; i < 60; i++) {
        fds[i] = client_open(&gate);
        client_send(&gate, fds[i], GET);
    }
    for (unsigned i = 0; i < 60; i++) {
        client_expect(&gate, fds[i], "ok");
        close(fds[i]);
    }
    gate_until(&gate, frontend_connections(gate.frontend) == 0);
    gate_close(&gate);
}

Test(listeners, connections_are_counted_for_all_workers)
{
    int tally_fd;

    gate.tally = tally_new(&tally_fd);
    tally_set_workers(gate.tally, 0, 2);
    gate_open(&gate);
    gate_set_tenant(&gate, "acme", "max_connections 3;", "return 200 'ok';");
    gate_listen(&gate, "acme");
    tally_add(gate.tally, 3, 1, 2); /* another worker's two */
    int first = client_open(&gate);
    client_send(&gate, first, "GET / ");
    gate_until(&gate, tally_total(gate.tally, 3) == 3);
    int second = client_open(&gate);
    client_send(&gate, second, GET);
    gate_run(&gate, 0.15);
    cr_assert_eq(frontend_connections(gate.frontend), 1);
    tally_add(gate.tally, 3, 1, -1);
    client_expect(&gate, second, "ok");
    frontend_remove_tenant(gate.frontend, SLICE("acme"));
    cr_assert_eq(tally_total(gate.tally, 3), 1);
    close(first);
    close(second);
    gate_close(&gate);
    tally_free(gate.tally);
}
