/* SPDX-License-Identifier: MIT */
/* How a connection leaves its exchange: what may be kept, and what an abort does. */
#include "backend/rig.h"

#include <criterion/criterion.h>

#include <unistd.h>

static struct rig rig;

static void setup(void)
{
    rig_init(&rig, 1);
}

static void teardown(void)
{
    rig_free(&rig);
}

TestSuite(h1_end, .init = setup, .fini = teardown);

/* Serves one GET with that response; returns whether the connection was kept. */
static bool is_kept_after(const char *response)
{
    struct visit visit;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\n");
    server_send(fd, response);
    RIG_UNTIL(&rig, visit.has_ended);
    visit_close(&visit);
    rig_turn(&rig);
    bool is_kept = backends_idle_count(rig.backends) == 1;
    if (!is_kept)
        RIG_UNTIL(&rig, server_sees_end(fd));
    close(fd);
    RIG_UNTIL(&rig, backends_idle_count(rig.backends) == 0);
    return is_kept;
}

Test(h1_end, kept_when_the_response_says_so)
{
    cr_assert(is_kept_after("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    cr_assert(is_kept_after("HTTP/1.1 204 No Content\r\n\r\n"));
    cr_assert(is_kept_after("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"));
    cr_assert(
        is_kept_after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
    cr_assert(
        is_kept_after("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"));
}

Test(h1_end, not_kept_when_it_says_close_or_more_follows)
{
    cr_assert_not(
        is_kept_after("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"));
    cr_assert_not(is_kept_after("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    cr_assert_not(is_kept_after("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200"));
}

Test(h1_end, a_front_that_closes_at_the_end_does_not_cost_the_connection)
{
    struct visit visit;
    visit_init(&visit, &rig, METHOD_GET, 0);
    visit.closes = true;
    visit_start(&visit);
    int fd = server_accept(&rig, 0);
    server_answer(&rig, fd, "hello");
    RIG_UNTIL(&rig, visit.is_closed);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    serve_once(&rig, 0, fd);
    close(fd);
}

Test(h1_end, an_abort_closes_within_the_turn)
{
    struct visit visit;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\n");
    visit_close(&visit);
    cr_assert(server_sees_end(fd));
    rig_turn(&rig);
    cr_assert_eq(visit.failures, 0);
    close(fd);
}

Test(h1_end, an_abort_while_connecting_and_before_the_start)
{
    struct visit visit;
    visit_get(&visit, &rig);
    visit_close(&visit);
    rig_turn(&rig);
    close(server_accept(&rig, 0));
    int fd = serve_once(&rig, 0, -1);
    visit_get(&visit, &rig);
    cr_assert(visit.attempts.reused);
    visit_close(&visit);
    rig_turn(&rig);
    cr_assert(server_sees_end(fd));
    close(fd);
}
