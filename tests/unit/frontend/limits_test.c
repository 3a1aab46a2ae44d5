/* SPDX-License-Identifier: MIT */
/* Row H7: clients that are slow on purpose. */
#include "frontend/limits_internal.h"
#include "frontend/rig.h"

#include <unistd.h>

#define HOST "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST "\r\n"

static struct rig rig;

Test(limits, a_trickled_body_is_below_the_rate)
{
    rig_start_proxy(&rig, "client_body_timeout 1s;");
    int fd = client_open(&rig);
    client_send(&rig, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n");
    int back = server_accept(&rig);
    double before = loop_now(&rig.loop);
    for (int i = 0; i < 8; i++) {
        client_send(&rig, fd, "a few bytes");
        rig_run(&rig, 0.1);
    }
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "HTTP/1.1 408 "));
    cr_assert_float_eq(loop_now(&rig.loop) - before, 1.0, 0.5);
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(limits, a_slow_body_above_the_rate_is_fine)
{
    static char piece[100];

    rig_start_proxy(&rig, "client_body_timeout 1s;");
    int fd = client_open(&rig);
    client_send(&rig, fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 2500\r\n\r\n");
    int back = server_accept(&rig);
    for (int i = 0; i < 25; i++) {
        client_send_bytes(&rig, fd, piece, sizeof(piece));
        rig_run(&rig, 0.1);
    }
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    client_expect(&rig, fd, "ok");
    close(back);
    close(fd);
    rig_close(&rig);
}

/* A response that does not fit the kernel's buffers, to a client that takes `step` bytes each tenth
 * of a second. Returns the seconds until it is cut, or 6 when it is not. */
static double read_slowly(size_t step)
{
    static char piece[64 * 1024];
    int size = 4096;

    rig_start_proxy(&rig, "send_timeout 1s;");
    int fd = client_open(&rig);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    double before = loop_now(&rig.loop), spent = 0;
    while (frontend_connections(rig.frontend) > 0 && spent < 6.0) {
        double turn = loop_now(&rig.loop);
        size_t taken = 0;

        while (loop_now(&rig.loop) - turn < 0.1) {
            (void)!send(back, piece, sizeof(piece), MSG_DONTWAIT | MSG_NOSIGNAL);
            rig_turn(&rig);
        }
        while (taken < step) {
            ssize_t got = recv(fd, piece, step - taken, MSG_DONTWAIT);
            if (got <= 0)
                break;
            taken += (size_t)got;
        }
        spent = loop_now(&rig.loop) - before;
    }
    close(back);
    close(fd);
    rig_close(&rig);
    return spent;
}

Test(limits, a_client_that_takes_nothing_is_cut)
{
    double spent = read_slowly(0);
    cr_assert(spent > 0.9 && spent < 3.5, "%f s", spent);
}

Test(limits, a_client_that_takes_a_little_steadily_is_kept)
{
    cr_assert_geq(read_slowly(256 * 1024), 6.0);
}

/* ---- a body of which we did not read what was there ---- */

Test(limits, who_was_not_read_has_its_time_anew)
{
    struct limits limits = {.body_timeout = 0};
    limits_body_start(&limits, 100, 10, 0);
    limits_body_excuse(&limits, 109, 500);
    cr_assert(!limits_body_is_slow(&limits, 118, 500));
    cr_assert(limits_body_is_slow(&limits, 119, 500), "and it used none of it");
}

Test(limits, what_came_before_an_excuse_counts_for_no_rate)
{
    struct limits limits = {.body_timeout = 0};
    limits_body_start(&limits, 100, 10, 0);
    limits_body_excuse(&limits, 105, 1000000);
    limits_body_read(&limits, 110);
    cr_assert(!limits_body_is_slow(&limits, 114, 1000001));
    cr_assert(limits_body_is_slow(&limits, 115, 1000001), "one byte in ten seconds");
}

Test(limits, an_excuse_starts_no_clock)
{
    struct limits limits = {.body_timeout = 0};
    limits_body_start(&limits, 100, 10, 0);
    limits_body_stop(&limits);
    limits_body_excuse(&limits, 101, 0);
    cr_assert(!limits_body_is_slow(&limits, 1000, 0));
    limits_body_start(&limits, 100, 10, 0);
    limits_body_ease(&limits);
    limits_body_excuse(&limits, 105, 0);
    limits_body_read(&limits, 114);
    cr_assert(!limits_body_is_slow(&limits, 120, 0), "its rate is still not measured");
}
