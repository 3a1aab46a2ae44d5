/* SPDX-License-Identifier: MIT */
/* Attempts: what is tried, what counts as a failure, and dead idle connections. */
#include "rig.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static struct rig rig;

static void setup(void)
{
    rig_init(&rig, 2);
}

static void teardown(void)
{
    rig_free(&rig);
}

TestSuite(attempt, .init = setup, .fini = teardown);

static void close_listener(unsigned server)
{
    close(rig.listeners[server]);
    rig.listeners[server] = -1;
}

Test(attempt, the_address_is_told)
{
    struct visit visit;
    char text[ADDRESS_TEXT];
    visit_init(&visit, &rig, METHOD_GET, 0);
    cr_assert_eq(visit.attempts.address.len, 0);
    visit_start(&visit);
    address_format(&rig.endpoints[0].address, text);
    cr_assert(slice_equal(visit.attempts.address, slice_of(text)));
    cr_assert_eq(visit.attempts.count, 1);
    cr_assert_not(visit.attempts.reused);
    visit_close(&visit);
}

Test(attempt, a_refused_connection_goes_on_to_the_next_endpoint)
{
    struct visit visit;
    rig_count(&rig);
    close_listener(0);
    visit_init(&visit, &rig, METHOD_POST, 0);
    visit.retries = true;
    cr_assert_eq(visit_start(&visit), 0);
    cr_assert_eq(visit.failures, 0, "failures come later, by the loop");
    int fd = server_accept(&rig, 1);
    cr_assert_eq(visit.failures, 1);
    cr_assert_eq(visit.error, ERROR_CONNECT);
    cr_assert(visit.untouched);
    server_answer(&rig, fd, "hello");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_eq(visit.attempts.count, 2);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_REQUESTS), 2);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_RETRIES), 1);
    cr_assert_eq(rig_counted(&rig, METRIC_ENDPOINT_OPENED), 1);
    visit_close(&visit);
    close(fd);
}

Test(attempt, all_refuse)
{
    struct visit visit;
    close_listener(0);
    close_listener(1);
    visit_init(&visit, &rig, METHOD_GET, 0);
    visit.retries = true;
    visit_start(&visit);
    RIG_UNTIL(&rig, visit.failures == 2);
    cr_assert_eq(visit_start(&visit), ERROR_NO_ENDPOINT);
    cr_assert_eq(visit.attempts.count, 2);
    visit_close(&visit);
}

/* The server closes a kept connection in the moment in which we use it. */
static int kill_idle(struct visit *visit)
{
    rig.upstream.endpoint_count = 1;
    rig_bind(&rig);
    int fd = serve_once(&rig, 0, -1);
    visit_init(visit, &rig, METHOD_GET, 0);
    visit->forgives = true;
    visit_start(visit);
    cr_assert(visit->attempts.reused);
    server_read(&rig, fd, "\r\n\r\n");
    return fd;
}

Test(attempt, a_dead_idle_connection_is_forgiven_once)
{
    struct visit visit;
    close(kill_idle(&visit));
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_RETIRED);
    cr_assert_not(visit.untouched);
    cr_assert_eq(visit.attempts.count, 1);
    int fd = server_accept(&rig, 0);
    cr_assert_not(visit.attempts.reused);
    server_answer(&rig, fd, "again");
    RIG_UNTIL(&rig, visit.has_ended);
    visit_close(&visit);
    close(fd);
}

Test(attempt, a_reset_idle_connection_is_forgiven_too)
{
    struct visit visit;
    server_reset(kill_idle(&visit));
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(visit.error, ERROR_RETIRED);
    close(server_accept(&rig, 0));
    /* The fresh one died as well: that is a failure like any other. */
    RIG_UNTIL(&rig, visit.failures == 2);
    cr_assert_neq(visit.error, ERROR_RETIRED);
    cr_assert_not(visit.attempts.reused);
    visit_close(&visit);
}

Test(attempt, forgiveness_has_an_end)
{
    struct visit visit;
    struct backend_group *group = rig_group(&rig);
    visit_get(&visit, &rig);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert(backend_attempt_forgive(group, &visit.attempts, ERROR_REFUSED));
        visit.attempts.count = 1;
    }
    cr_assert_not(backend_attempt_forgive(group, &visit.attempts, ERROR_REFUSED),
                  "three times are enough");
    visit_close(&visit);
    struct backend_attempts none = {0};
    cr_assert_not(backend_attempt_forgive(group, &none, ERROR_REFUSED), "there was none");
}

/* Whether a connection is there for a request that failed so. */
static bool may_connect(const struct backend_attempts *failed, enum error error, uint32_t forgiven)
{
    struct backend_attempts attempts = *failed;
    attempts.forgiven = forgiven;
    return backend_attempt_forgive(rig_group(&rig), &attempts, error);
}

Test(attempt, connections_of_the_forgiven_are_paid_for_by_answers)
{
    struct visit visit;
    rig.upstream.endpoint_count = 1;
    rig_bind(&rig);
    int fd = serve_once(&rig, 0, -1);
    visit_get(&visit, &rig);
    for (bool is_reused = false;; is_reused = !is_reused) {
        static unsigned count;
        visit.attempts.reused = is_reused;
        if (!may_connect(&visit.attempts, ERROR_REFUSED, count % 3))
            break;
        cr_assert_lt(++count, 200);
    }
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_not(may_connect(&visit.attempts, ERROR_REFUSED, i));
    visit.attempts.reused = true;
    for (unsigned i = 0; i < 200; i++)
        cr_assert(may_connect(&visit.attempts, ERROR_RETIRED, 0), "it replaces a kept one");
    cr_assert_not(may_connect(&visit.attempts, ERROR_RETIRED, 1), "it does not");
    for (uint32_t i = 0; i < 3; i++) { /* serve_once would ask again */
        server_answer(&rig, fd, "hello");
        RIG_UNTIL(&rig, visit.has_ended);
        cr_assert(may_connect(&visit.attempts, ERROR_REFUSED, i), "an answer pays");
        visit_close(&visit);
        visit_get(&visit, &rig);
    }
    visit_close(&visit);
    close(fd);
}

Test(attempt, what_was_kept_besides_a_dead_one_is_not_fresh)
{
    struct visit visits[2];
    int fds[2];
    rig.upstream.endpoint_count = 1;
    rig_bind(&rig);
    for (unsigned i = 0; i < 2; i++)
        visit_get(&visits[i], &rig);
    for (unsigned i = 0; i < 2; i++)
        server_answer(&rig, fds[i] = server_accept(&rig, 0), "hello");
    for (unsigned i = 0; i < 2; i++) {
        RIG_UNTIL(&rig, visits[i].has_ended);
        visit_close(&visits[i]);
    }
    RIG_UNTIL(&rig, backends_idle_count(rig.backends) == 2);
    visit_init(&visits[0], &rig, METHOD_GET, 0);
    visits[0].forgives = true;
    visit_start(&visits[0]);
    server_read(&rig, fds[1], "\r\n\r\n");
    close(fds[1]);
    int fresh = server_accept(&rig, 0);
    server_answer(&rig, fresh, "good");
    RIG_UNTIL(&rig, visits[0].has_ended);
    visit_close(&visits[0]);
    close(fds[0]);
    close(fresh);
}

Test(attempt, a_body_that_was_taken_is_sent_again)
{
    struct visit visit;
    rig.upstream.endpoint_count = 1;
    rig_bind(&rig);
    int fd = serve_once(&rig, 0, -1);
    visit_init(&visit, &rig, METHOD_PUT, 9);
    visit.forgives = true;
    exchange_keep_request(visit.exchange, backend_allowance(rig_group(&rig)));
    visit_start(&visit);
    visit_push(&visit, "some");
    server_read(&rig, fd, "some");
    close(fd);
    RIG_UNTIL(&rig, visit.failures == 1);
    fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\nsome");
    visit_push(&visit, " more");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    server_read(&rig, fd, " more");
    visit_close(&visit);
    close(fd);
}

Test(attempt, a_dead_idle_connection_is_no_failure_of_its_endpoint)
{
    struct backend_attempts none = {0};
    struct visit visit;
    int fds[2] = {serve_once(&rig, 0, -1), serve_once(&rig, 1, -1)};
    visit_init(&visit, &rig, METHOD_GET, 0);
    visit_start(&visit);
    server_read(&rig, fds[0], "\r\n\r\n");
    close(fds[0]);
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert_eq(backend_untried(rig_group(&rig), &none), 2);
    visit_close(&visit);
    close(fds[1]);
}

Test(attempt, an_idle_connection_found_dead_before_the_flush_is_untouched)
{
    struct visit visit;
    rig.upstream.endpoint_count = 1;
    rig_bind(&rig);
    int fd = serve_once(&rig, 0, -1);
    server_reset(fd);
    visit_init(&visit, &rig, METHOD_POST, 0);
    visit_start(&visit);
    cr_assert(visit.attempts.reused);
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_assert(visit.untouched);
    visit_close(&visit);
}

struct starter {
    ev_check check;
    struct visit *visit;
};

static void on_check(struct ev_loop *ev, ev_check *check, int events)
{
    (void)events;
    struct starter *starter = (struct starter *)check;
    ev_check_stop(ev, check);
    visit_start(starter->visit);
}

/* Starts after the loop has learnt what is readable, and before it tells anyone. */
static void start_inside_turn(struct visit *visit)
{
    struct starter starter = {.visit = visit};
    ev_check_init(&starter.check, on_check);
    ev_check_start(rig.loop.ev, &starter.check);
    rig_turn(&rig);
    cr_assert_eq(visit->attempts.count, 1);
}

Test(attempt, a_stale_answer_on_a_kept_connection_is_not_taken)
{
    struct visit visit;
    rig.upstream.endpoint_count = 1;
    rig_bind(&rig);
    int fd = serve_once(&rig, 0, -1);
    server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    visit_init(&visit, &rig, METHOD_GET, 0);
    visit.forgives = true;
    start_inside_turn(&visit);
    cr_assert_eq(visit.failures, 1);
    cr_assert(visit.untouched);
    int fresh = server_accept(&rig, 0);
    server_answer(&rig, fresh, "good");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_str_eq(visit.body, "good");
    visit_close(&visit);
    close(fd);
    close(fresh);
}

/* What a server says to a connection that it is tired of, in the moment in which we use it. */
static void speak_unasked(enum http_method method, const char *words, bool closes)
{
    static unsigned server; /* whose turn it is */
    struct visit visit;
    struct backend_attempts none = {0};
    int fds[2] = {serve_once(&rig, server, -1), serve_once(&rig, 1 - server, -1)};
    server_send(fds[0], words);
    if (closes)
        shutdown(fds[0], SHUT_WR);
    visit_init(&visit, &rig, method, method == METHOD_POST ? 4 : 0);
    if (method == METHOD_POST)
        visit_push(&visit, "body");
    exchange_end_request(visit.exchange, PIPE_ENDED);
    visit.forgives = true;
    start_inside_turn(&visit);
    cr_assert_eq(visit.failures, 1);
    cr_assert_eq(visit.error, ERROR_RETIRED);
    cr_assert(visit.untouched);
    cr_assert_eq(backend_untried(rig_group(&rig), &none), 2, "that is no failure");
    close(server_accept(&rig, server));
    visit_close(&visit);
    close(fds[0]);
    close(fds[1]);
    RIG_UNTIL(&rig, backends_idle_count(rig.backends) == 0);
    server = 1 - server;
}

Test(attempt, a_kept_connection_that_speaks_unasked_is_retired)
{
    static const char timeout[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                                  "Content-Length: 0\r\n\r\n";
    static const enum http_method methods[] = {METHOD_GET, METHOD_POST};
    for (unsigned i = 0; i < 2; i++) {
        speak_unasked(methods[i], timeout, true);
        speak_unasked(methods[i], timeout, false);
        speak_unasked(methods[i], "H", true);
        speak_unasked(methods[i], "\r\n", false);
    }
}

Test(attempt, a_refused_answer_counts_and_leads_elsewhere)
{
    struct backend_attempts none = {0};
    struct visit visit;
    visit_init(&visit, &rig, METHOD_GET, 0);
    visit.aborts = true;
    visit_start(&visit);
    int fds[2] = {server_accept(&rig, 0), -1};
    server_read(&rig, fds[0], "\r\n\r\n");
    server_send(fds[0], "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
    fds[1] = server_accept(&rig, 1);
    server_answer(&rig, fds[1], "good");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_assert_str_eq(visit.body, "good");
    cr_assert_eq(visit.status, 200);
    cr_assert_eq(backend_untried(rig_group(&rig), &none), 1);
    cr_assert(server_sees_end(fds[0]));
    visit_close(&visit);
    close(fds[0]);
    close(fds[1]);
}
