/* SPDX-License-Identifier: MIT */
/* Servers in namespaces: sockets asked for, handed out, and given up with what they carried. The
 * sockets that the test hands in are bound to 127.0.0.2, by which the server knows them. */
#include "backend/h2/h2_rig.h"

#include "backend/sockets.h"

#include "backend/netns_internal.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

static struct rig rig;
static const struct config_netns blue = {.kind = NETNS_NAME, .text = {"blue", 4}};
static const struct config_netns red = {.kind = NETNS_NAME, .text = {"red", 3}};
static const struct backend_netns_key key = {{"acme", 4}, {"blue", 4}, AF_INET};

/* What was asked, and what asking returns. */
static unsigned questions;
static int refusal;
static unsigned gives; /* sockets, before asking returns */
static struct backend_netns_key asked;

static int make_socket(void)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    inet_pton(AF_INET, "127.0.0.2", &from.sin_addr);
    cr_assert_eq(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    return fd;
}

static void answer(unsigned count)
{
    int sockets[8];
    for (unsigned i = 0; i < count; i++)
        sockets[i] = make_socket();
    backends_take_sockets(rig.backends, &key, sockets, count, 0);
}

static void refuse(int error)
{
    backends_take_sockets(rig.backends, &key, NULL, 0, error);
}

static int on_ask(void *owner, const struct backend_netns_key *where)
{
    cr_assert_eq(owner, &rig);
    questions++;
    asked = *where;
    if (gives > 0 && refusal == 0)
        answer(gives);
    return refusal;
}

static void use_namespace(void)
{
    for (unsigned i = 0; i < RIG_SERVERS; i++)
        rig.endpoint_configs[i].netns = &blue;
    rig_bind(&rig);
    backends_set_ask(rig.backends, on_ask, &rig);
}

static void setup(void)
{
    rig_init(&rig, 1);
    use_namespace();
}

static void teardown(void)
{
    peers_free();
    rig_free(&rig);
}

TestSuite(netns, .init = setup, .fini = teardown);

static struct backend_netns *netns_of(unsigned endpoint)
{
    return rig_group(&rig)->endpoints[endpoint]->netns;
}

static void settle(void)
{
    for (unsigned i = 0; i < 10; i++)
        rig_turn(&rig);
}

/* Whether the connection came over a socket of ours. */
static bool is_ours(int fd)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    cr_assert_eq(getpeername(fd, (struct sockaddr *)&peer, &len), 0);
    return peer.sin_addr.s_addr == htonl(0x7f000002);
}

static bool was_reset(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    return got < 0 && errno == ECONNRESET;
}

/* ---- sockets ---- */

Test(netns, an_attempt_waits_for_a_socket_and_connects_by_it)
{
    struct visit visit;
    visit_get(&visit, &rig);
    settle();
    cr_assert_eq(questions, 1);
    cr_expect(slice_equal(asked.tenant, SLICE("acme")));
    cr_expect(slice_equal(asked.netns, SLICE("blue")));
    cr_expect_eq(asked.family, AF_INET);
    cr_assert_not(server_has_connection(&rig, 0));

    answer(4);
    int fd = server_accept(&rig, 0);
    cr_expect(is_ours(fd));
    server_answer(&rig, fd, "hello");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_expect_str_eq(visit.body, "hello");
    visit_close(&visit);
    settle();
    cr_expect_eq(backends_idle_count(rig.backends), 1);
    close(fd);
}

Test(netns, it_is_filled_up_to_its_bound_before_it_is_empty)
{
    int fds[5];
    gives = 4;
    fds[0] = serve_once(&rig, 0, -1);
    settle();
    cr_expect_eq(netns_of(0)->count, 7, "%u", netns_of(0)->count); /* 4 - 1 + 4 */
    cr_expect_eq(questions, 2);
    gives = 0;
    rig.upstream_config.keepalive = 0;
    rig_bind(&rig);
    for (unsigned i = 1; i < 5; i++) {
        fds[i] = serve_once(&rig, 0, -1);
        cr_expect(is_ours(fds[i]));
    }
    cr_expect_eq(questions, 3); /* when the fourth was gone, and not again */
    answer(8);
    settle();
    cr_expect_eq(netns_of(0)->count, NETNS_MOST);
    for (unsigned i = 0; i < 5; i++)
        close(fds[i]);
}

Test(netns, who_came_first_is_served_first)
{
    struct visit visits[3];
    for (unsigned i = 0; i < 3; i++)
        visit_get(&visits[i], &rig);
    answer(1);
    settle();
    cr_expect_eq(questions, 2); /* for the others */
    cr_expect_eq(netns_of(0)->count, 0);
    int fd = server_accept(&rig, 0);
    server_answer(&rig, fd, "first");
    RIG_UNTIL(&rig, visits[0].has_ended);
    cr_expect_not(visits[1].has_ended);
    answer(2);
    RIG_UNTIL(&rig, server_has_connection(&rig, 0));
    for (unsigned i = 0; i < 3; i++)
        visit_close(&visits[i]);
    close(fd);
}

Test(netns, nobody_takes_what_lies_for_long)
{
    gives = 4;
    int fd = serve_once(&rig, 0, -1);
    settle();
    gives = 0;
    deadline_set(&netns_of(0)->idle, 0);
    RIG_UNTIL(&rig, netns_of(0)->count == 0);
    settle();
    cr_expect_eq(questions, 2);
    close(fd);
}

Test(netns, what_nobody_asked_for_is_closed)
{
    struct backend_netns_key other = key;
    int fd = make_socket(), kept = dup(fd);
    cr_assert_geq(kept, 0);
    other.netns = SLICE("green");
    backends_take_sockets(rig.backends, &other, &fd, 1, 0);
    cr_expect_eq(fcntl(fd, F_GETFD), -1);
    other.netns = (struct slice){"", 0};
    backends_take_sockets(rig.backends, &other, &kept, 1, 0);
    cr_expect_eq(fcntl(kept, F_GETFD), -1);
}

/* ---- no sockets ---- */

Test(netns, a_refusal_fails_who_waits_and_who_comes_right_after)
{
    struct visit visits[3];
    visit_get(&visits[0], &rig);
    visit_get(&visits[1], &rig);
    refuse(ENOENT);
    RIG_UNTIL(&rig, visits[0].failures == 1 && visits[1].failures == 1);
    cr_expect_eq(visits[0].error, ERROR_CONNECT);
    cr_expect(visits[0].untouched);
    cr_expect_not_null(
        strstr(visits[0].exchange->reason.data, "network namespace blue: 2: No such"), "%.*s",
        SLICE_PRINTF(visits[0].exchange->reason));
    visit_get(&visits[2], &rig);
    RIG_UNTIL(&rig, visits[2].failures == 1);
    cr_expect_eq(questions, 1);
    netns_of(0)->error_at -= 1;
    for (unsigned i = 0; i < 3; i++)
        visit_close(&visits[i]);
    gives = 4;
    close(serve_once(&rig, 0, -1));
}

Test(netns, another_server_takes_over)
{
    struct visit visit;
    rig_free(&rig);
    rig_init(&rig, 2);
    rig.endpoint_configs[0].netns = &blue;
    rig_bind(&rig);
    backends_set_ask(rig.backends, on_ask, &rig);
    refusal = ENETDOWN;
    visit_init(&visit, &rig, METHOD_GET, 0);
    visit.retries = true;
    cr_assert_eq(visit_start(&visit), 0);
    int fd = server_accept(&rig, 1);
    cr_expect_not(is_ours(fd));
    server_answer(&rig, fd, "other");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_expect_eq(visit.failures, 1);
    visit_close(&visit);
    close(fd);
}

Test(netns, without_anybody_to_ask_it_fails)
{
    struct visit visit;
    backends_set_ask(rig.backends, NULL, NULL);
    visit_get(&visit, &rig);
    cr_assert_eq(visit.failures, 0);
    RIG_UNTIL(&rig, visit.failures == 1);
    visit_close(&visit);
}

Test(netns, too_soon_is_asked_again)
{
    struct visit visit;
    visit_get(&visit, &rig);
    refuse(EAGAIN);
    RIG_UNTIL(&rig, questions == 2);
    cr_expect_eq(visit.failures, 0);
    answer(1);
    close(server_accept(&rig, 0));
    visit_close(&visit);
}

Test(netns, waiting_ends_with_the_time_to_connect)
{
    struct visit visit;
    rig.settings.proxy_connect_timeout = 0.05;
    visit_get(&visit, &rig);
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_expect_eq(visit.error, ERROR_CONNECT_TIMEOUT);
    cr_expect(slice_starts_with(visit.exchange->reason, SLICE("waiting for a socket")));
    visit_close(&visit);
    answer(4); /* for the next one */
    rig.settings.proxy_connect_timeout = 5;
    close(serve_once(&rig, 0, -1));
}

Test(netns, who_leaves_waits_no_more)
{
    struct visit visit;
    visit_get(&visit, &rig);
    settle();
    visit_close(&visit);
    settle();
    cr_expect(TAILQ_EMPTY(&netns_of(0)->waiting));
    answer(4);
    settle();
    cr_expect_not(server_has_connection(&rig, 0));
    cr_expect_eq(netns_of(0)->count, 4);
}

Test(netns, when_answers_will_never_come)
{
    struct visit visit;
    visit_get(&visit, &rig);
    settle();
    refusal = ENOTCONN;
    backends_forget_asked(rig.backends, ENOTCONN);
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_expect_eq(visit.error, ERROR_CONNECT);
    visit_close(&visit);
}

/* ---- identity ---- */

Test(netns, the_same_address_in_another_namespace_is_another_endpoint)
{
    gives = 4;
    close(serve_once(&rig, 0, -1));
    const struct backend_endpoint *before = rig_group(&rig)->endpoints[0];
    rig_bind(&rig);
    cr_expect_eq(rig_group(&rig)->endpoints[0], before);
    cr_expect_eq(netns_of(0)->users, 1);

    rig.endpoint_configs[0].netns = &red;
    rig_bind(&rig);
    cr_assert_neq(rig_group(&rig)->endpoints[0], before);
    cr_expect(slice_equal(netns_of(0)->name, SLICE("red")));
    cr_expect_eq(HASH_COUNT(rig.backends->namespaces), 1); /* blue's is gone */

    rig.endpoint_configs[0].netns = NULL;
    rig_bind(&rig);
    cr_expect_null(netns_of(0));
    cr_expect_null(rig.backends->namespaces);
    int fd = serve_once(&rig, 0, -1);
    cr_expect_not(is_ours(fd));
    close(fd);
}

Test(netns, a_retired_endpoint_leaves_no_sockets_behind)
{
    struct visit visit;
    gives = 4;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\n");
    struct backend_netns *netns = netns_of(0);
    cr_assert_gt(netns->count, 0);
    rig.endpoint_configs[0].netns = NULL;
    rig_bind(&rig);
    cr_expect_eq(netns->count, 0);
    answer(4);
    cr_expect_eq(netns->count, 0);
    server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    RIG_UNTIL(&rig, visit.has_ended);
    visit_close(&visit);
    settle();
    cr_expect_null(rig.backends->namespaces);
    close(fd);
}

/* ---- namespaces that go ---- */

Test(netns, idle_connections_and_sockets_go_at_once)
{
    gives = 4;
    int fd = serve_once(&rig, 0, -1);
    settle();
    gives = 0;
    backends_leave_namespace(rig.backends, &key, 1.5);
    cr_expect_eq(netns_of(0)->count, 0);
    cr_expect_eq(backends_idle_count(rig.backends), 0);
    RIG_UNTIL(&rig, was_reset(fd));
    close(fd);
    gives = 4; /* it has come back */
    close(serve_once(&rig, 0, -1));
}

Test(netns, a_busy_connection_finishes_and_is_not_kept)
{
    struct visit visit;
    gives = 4;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    backends_leave_namespace(rig.backends, &key, 5);
    server_answer(&rig, fd, "hello");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_expect_str_eq(visit.body, "hello");
    visit_close(&visit);
    RIG_UNTIL(&rig, was_reset(fd));
    cr_expect_eq(backends_idle_count(rig.backends), 0);
    close(fd);
}

Test(netns, a_busy_connection_is_cut_after_the_grace)
{
    struct visit visit;
    gives = 4;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\n");
    server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf");
    RIG_UNTIL(&rig, visit.body_len == 4);
    backends_leave_namespace(rig.backends, &key, INFINITY);
    backends_leave_namespace(rig.backends, &key, 0.05);
    backends_leave_namespace(rig.backends, &key, 60); /* a later one delays nothing */
    RIG_UNTIL(&rig, visit.is_broken);
    cr_expect_eq(visit.error, ERROR_BACKEND_RESET);
    RIG_UNTIL(&rig, was_reset(fd));
    visit_close(&visit);
    close(fd);
}

Test(netns, a_connection_that_is_being_made_has_the_grace_too)
{
    struct visit visit;
    gives = 1;
    /* A full backlog keeps it connecting. */
    struct sockaddr_in *address = &rig.endpoints[0].address.v4;
    int busy = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t len = sizeof(here);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(busy, (struct sockaddr *)&here, sizeof(here)), 0);
    cr_assert_eq(listen(busy, 0), 0);
    cr_assert_eq(getsockname(busy, (struct sockaddr *)&here, &len), 0);
    int fill = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)connect(fill, (struct sockaddr *)&here, sizeof(here));
    *address = here;
    rig_bind(&rig);
    visit_get(&visit, &rig);
    settle();
    cr_assert_eq(visit.failures, 0);
    backends_leave_namespace(rig.backends, &key, 0.1);
    settle();
    cr_expect_eq(visit.failures, 0);
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_expect_eq(visit.error, ERROR_CONNECT);
    cr_expect(visit.untouched);
    visit_close(&visit);
    close(fill);
    close(busy);
}

Test(netns, a_drain_keeps_what_can_be_used_again)
{
    gives = 4;
    int fd = serve_once(&rig, 0, -1);
    backends_drain(rig.backends);
    refusal = ENOTCONN; /* the supervisor is gone */
    cr_expect_eq(backends_idle_count(rig.backends), 1);
    serve_once(&rig, 0, fd);
    serve_once(&rig, 0, fd);
    close(fd);
}

/* ---- HTTP/2 ---- */

static void use_http2(void)
{
    rig_free(&rig);
    h2_rig_init(&rig);
    use_namespace();
    gives = 4;
}

Test(netns, http2_takes_no_more_exchanges_there)
{
    use_http2();
    struct visit visits[2];
    visit_get(&visits[0], &rig);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 1 && peer->streams[0].has_ended);
    cr_expect(is_ours(peer->fd));
    backends_leave_namespace(rig.backends, &key, 5);
    h2_settle(&rig);
    visit_get(&visits[1], &rig); /* to the next one of that name */
    struct peer *other = peer_accept(&rig, 0, NULL);
    other->answers = true;
    H2_UNTIL(&rig, visits[1].has_ended);
    peer_respond(&peer->streams[0], 200, 5, true);
    H2_UNTIL(&rig, visits[0].has_ended);
    cr_expect_eq(visits[0].failures, 0);
    H2_UNTIL(&rig, peer->sees_end);
    visit_close(&visits[0]);
    visit_close(&visits[1]);
}

Test(netns, http2_at_rest_and_busy_ends)
{
    use_http2();
    struct peer *peer = h2_serve_once(&rig, NULL);
    h2_settle(&rig);
    cr_assert_eq(backends_idle_count(rig.backends), 1);
    backends_leave_namespace(rig.backends, &key, 5);
    H2_UNTIL(&rig, peer->sees_end);
    cr_expect_eq(backends_idle_count(rig.backends), 0);

    struct visit visits[2];
    for (unsigned i = 0; i < 2; i++)
        visit_get(&visits[i], &rig);
    peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 2);
    backends_leave_namespace(rig.backends, &key, 0.05);
    H2_UNTIL(&rig, visits[0].failures == 1 && visits[1].failures == 1);
    cr_expect_eq(visits[0].error, ERROR_BACKEND_RESET);
    H2_UNTIL(&rig, peer->sees_end);
    for (unsigned i = 0; i < 2; i++)
        visit_close(&visits[i]);
}

/* The socket that comes is of the namespace that has taken the key of the one before. */
Test(netns, who_waits_for_a_socket_is_served_in_the_next_namespace)
{
    struct visit visit;
    visit_get(&visit, &rig);
    settle();
    backends_leave_namespace(rig.backends, &key, 0.02);
    answer(1);
    int fd = server_accept(&rig, 0);
    usleep(40000);
    settle();
    cr_expect_eq(visit.failures, 0);
    server_answer(&rig, fd, "hello");
    RIG_UNTIL(&rig, visit.has_ended);
    cr_expect_eq(visit.failures, 0);
    visit_close(&visit);
    close(fd);
}

Test(netns, http2_that_waits_for_a_socket_is_served_there_too)
{
    use_http2();
    gives = 0;
    struct visit visits[2];
    for (unsigned i = 0; i < 2; i++)
        visit_get(&visits[i], &rig);
    h2_settle(&rig);
    backends_leave_namespace(rig.backends, &key, 0.02);
    answer(2);
    struct peer *peer = peer_accept(&rig, 0, NULL);
    H2_UNTIL(&rig, peer->count == 2 && peer->streams[1].has_ended);
    usleep(40000);
    h2_settle(&rig);
    for (unsigned i = 0; i < 2; i++)
        peer_respond(&peer->streams[i], 200, 5, true);
    for (unsigned i = 0; i < 2; i++) {
        H2_UNTIL(&rig, visits[i].has_ended);
        cr_expect_eq(visits[i].failures, 0);
        visit_close(&visits[i]);
    }
}
