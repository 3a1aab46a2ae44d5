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
    struct rig_watch watch = rig_watch(&rig);
    for (int i = 0; i < 8; i++) {
        client_send(&rig, fd, "a few bytes");
        rig_run(&rig, 0.1);
    }
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "HTTP/1.1 408 "));
    rig_expect_took(&rig, &watch, 0.5, 1.5);
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

/* ---- a client that was not read, for want of memory ---- */

Test(limits, a_body_is_slow_by_what_was_heard)
{
    struct limits limits = {.body_timeout = 0};
    limits_body_start(&limits, 100, 10, 0);
    cr_assert(!limits_body_is_slow(&limits, 109, 0), "though it is long over by now");
    limits_body_read(&limits, 130);
    cr_assert(!limits_body_is_slow(&limits, 131, 2400), "what was read then is enough");
    cr_assert(limits_body_is_slow(&limits, 141, 2401), "one byte in ten seconds");
}

static double armed(struct limits *limits, double due, bool is_excused)
{
    limits->phase_due = due;
    limits->is_excused = is_excused;
    limits_arm(limits, loop_now(limits->deadline.loop));
    return limits->deadline.at - loop_now(limits->deadline.loop);
}

Test(limits, what_is_over_and_excused_is_looked_at_in_a_moment)
{
    struct limits limits = {.body_timeout = 0};
    struct loop loop;
    loop_init(&loop);
    deadline_init(&limits.deadline, &loop, NULL);
    cr_assert_leq(armed(&limits, loop_now(&loop) - 1, false), 0);
    cr_assert_float_eq(armed(&limits, loop_now(&loop) - 1, true), STREAM_HELD_LOOK, 0.001);
    cr_assert_float_eq(armed(&limits, loop_now(&loop) + 5, true), 5, 0.001);
    deadline_stop(&limits.deadline);
    loop_free(&loop);
}
