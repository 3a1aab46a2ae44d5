/* SPDX-License-Identifier: MIT */
/* What is measured of connections and their requests. */
#include "frontend/rig.h"

#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig rig;

static uint64_t requests(unsigned status)
{
    return rig_figure(&rig, METRIC_REQUESTS, metric_request(METRIC_PROTOCOL_H1, status));
}

static void check(uint64_t connections, uint64_t draining, uint64_t answered)
{
    cr_assert_eq(rig_figure(&rig, METRIC_CONNECTIONS, 0), connections);
    cr_assert_eq(rig_figure(&rig, METRIC_DRAINING, 0), draining);
    cr_assert_eq(requests(200), answered);
}

Test(counting, connections_and_requests)
{
    rig_start(&rig, "return 200 'one';");
    check(0, 0, 0);
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    client_expect(&rig, fd, "one");
    check(1, 0, 1);
    client_send(&rig, fd, GET);
    client_expect(&rig, fd, "one");
    client_ask(&rig, GET, "one");
    rig_until(&rig, frontend_connections(rig.frontend) == 1);
    check(1, 0, 3);
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    check(0, 0, 3);
    cr_assert_eq(rig_figure(&rig, METRIC_ACCEPTED, 0), 2);
    cr_assert_eq(rig_figure(&rig, METRIC_CLOSED, CLOSE_CLIENT_CLOSED), 2);
    cr_assert_eq(rig_figure(&rig, METRIC_RECEIVED, 0), 3 * (sizeof(GET) - 1));
    cr_assert_gt(rig_figure(&rig, METRIC_SENT, 0), 3 * 3);
    rig_close(&rig);
}

Test(counting, a_wrong_request_has_its_status_and_none_at_all_is_none)
{
    rig_start(&rig, "return 200 'one';");
    client_ask(&rig, "nonsense\r\n\r\n", "400");
    close(client_open(&rig));
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    cr_assert_eq(requests(400), 1);
    cr_assert_eq(requests(0), 0);
    rig_close(&rig);
}

Test(counting, a_client_that_leaves_before_its_answer_has_no_status)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    cr_assert_eq(requests(0), 1);
    close(back);
    rig_close(&rig);
}

Test(counting, those_that_end_are_told_apart)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    check(1, 0, 0);
    frontend_hand_over_tenant(rig.frontend, SLICE("acme"));
    check(1, 1, 0);
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend");
    client_expect(&rig, fd, "end");
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    check(0, 0, 1);
    close(back);
    close(fd);
    rig_close(&rig);
}

Test(counting, what_is_left_of_a_removed_tenant_counts_for_nobody)
{
    rig_start_proxy(&rig, "");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    int back = server_accept(&rig);
    frontend_remove_tenant(rig.frontend, SLICE("acme"));
    check(0, 0, 0);
    rig.number += METRICS_TENANTS; /* it comes back, and is another */
    rig_set_tenant(&rig, "acme", "", "return 200 'new';");
    client_send(&rig, back, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nend");
    client_expect(&rig, fd, "end");
    rig_until(&rig, frontend_connections(rig.frontend) == 0);
    cr_assert_eq(rig_figure(&rig, METRIC_CONNECTIONS, 0), 0);
    cr_assert_eq(rig_figure(&rig, METRIC_DRAINING, 0), 0);
    close(back);
    close(fd);
    rig_close(&rig);
}
