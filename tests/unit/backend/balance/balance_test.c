/* SPDX-License-Identifier: MIT */
/* Who may be picked, and what a method is told. */
#include "balance_rig.h"

#include <criterion/criterion.h>

#include <unistd.h>

TestSuite(balance, .init = balance_rig_start, .fini = balance_rig_stop);

Test(balance, a_failed_endpoint_is_out_for_fail_timeout)
{
    balance_failed(balance_rig_endpoint(0), 100);
    cr_assert_str_eq(balance_rig_picks(4, 100), "bcbc");
    cr_assert_str_eq(balance_rig_picks(4, 110), "bcbc");
    /* One probe, and the others stay away until it is decided. */
    const char *later = balance_rig_picks(6, 110.5);
    unsigned probes = 0;
    for (unsigned i = 0; i < 6; i++)
        probes += later[i] == 'a';
    cr_assert_eq(probes, 1);
    balance_succeeded(balance_rig_endpoint(0));
    cr_assert_eq(balance_rig_endpoint(0)->fails, 0);
    cr_assert(strchr(balance_rig_picks(3, 110.5), 'a'));
}

Test(balance, a_probe_that_fails_keeps_it_out)
{
    balance_failed(balance_rig_endpoint(0), 100);
    balance_rig_picks(3, 111);
    balance_failed(balance_rig_endpoint(0), 111.5);
    cr_assert_null(strchr(balance_rig_picks(6, 121), 'a'));
}

Test(balance, max_fails_counts)
{
    balance_rig.endpoint_configs[0].max_fails = 3;
    rig_bind(&balance_rig);
    balance_failed(balance_rig_endpoint(0), 100);
    balance_failed(balance_rig_endpoint(0), 100);
    cr_assert(strchr(balance_rig_picks(6, 100), 'a'));
    balance_failed(balance_rig_endpoint(0), 100);
    cr_assert_null(strchr(balance_rig_picks(6, 100), 'a'));
}

Test(balance, success_does_not_forget_failures_of_this_moment)
{
    balance_failed(balance_rig_endpoint(0), 100);
    balance_succeeded(balance_rig_endpoint(0));
    cr_assert_eq(balance_rig_endpoint(0)->fails, 1);
}

Test(balance, max_fails_zero_never_counts)
{
    balance_rig.endpoint_configs[0].max_fails = 0;
    rig_bind(&balance_rig);
    for (unsigned i = 0; i < 10; i++)
        balance_failed(balance_rig_endpoint(0), 100);
    cr_assert(strchr(balance_rig_picks(3, 100), 'a'));
}

Test(balance, backups_serve_only_when_no_other_is_left)
{
    balance_rig.endpoint_configs[2].backup = true;
    rig_bind(&balance_rig);
    cr_assert_str_eq(balance_rig_picks(4, 100), "abab");
    balance_failed(balance_rig_endpoint(0), 100);
    balance_failed(balance_rig_endpoint(1), 100);
    cr_assert_str_eq(balance_rig_picks(2, 100), "cc");
}

Test(balance, down_is_down)
{
    balance_rig.endpoint_configs[1].down = true;
    rig_bind(&balance_rig);
    cr_assert_str_eq(balance_rig_picks(4, 100), "acac");
    struct backend_attempts attempts = {0};
    cr_assert_eq(balance_untried(rig_group(&balance_rig), &attempts, 100), 2);
}

Test(balance, an_endpoint_alone_is_never_out)
{
    balance_rig.upstream.endpoint_count = 1;
    rig_bind(&balance_rig);
    for (unsigned i = 0; i < 5; i++)
        balance_failed(balance_rig_endpoint(0), 100);
    cr_assert_str_eq(balance_rig_picks(3, 100), "aaa");
}

Test(balance, one_exchange_tries_each_endpoint_once)
{
    struct backend_attempts attempts = {0};
    struct backend_group *group = rig_group(&balance_rig);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(balance_untried(group, &attempts, 100), 3 - i);
        cr_assert_not_null(balance_pick(group, &attempts, 100));
    }
    cr_assert_null(balance_pick(group, &attempts, 100));
    balance_unmark(&attempts, balance_rig_endpoint(1)->slot);
    cr_assert_eq(balance_pick(group, &attempts, 100), balance_rig_endpoint(1));
}

/* ---- methods ---- */

static struct slice key_seen;
static unsigned starts, ends;

static struct backend_endpoint *pick_last(struct backend_group *group,
                                          const struct balance_query *query)
{
    struct backend_endpoint *last = NULL;
    key_seen = query->attempts->key;
    for (uint32_t i = 0; i < group->endpoint_count; i++)
        if (balance_may_pick(group->endpoints[i], query))
            last = group->endpoints[i];
    return last;
}

static void on_start(struct backend_endpoint *endpoint)
{
    cr_expect_eq(endpoint->open, 1);
    starts++;
}

static void on_end(struct backend_endpoint *endpoint)
{
    cr_expect_eq(endpoint->open, 0);
    ends++;
}

static const struct balance_method last_method = {
    .pick = pick_last, .on_start = on_start, .on_end = on_end};

Test(balance, a_method_is_told_of_the_key_and_of_each_attempt)
{
    struct visit visit;
    rig_group(&balance_rig)->method = &last_method;
    visit_init(&visit, &balance_rig, METHOD_GET, 0);
    visit.retries = true;
    visit.attempts.key = SLICE("a");
    cr_assert_eq(visit_start(&visit), 0);
    cr_assert(slice_equal(key_seen, SLICE("a")));
    cr_assert_eq(starts, 1);
    int fd = server_accept(&balance_rig, 2);
    close(fd);
    RIG_UNTIL(&balance_rig, starts == 2);
    cr_assert_eq(ends, 1, "the first attempt's");
    fd = server_accept(&balance_rig, 1);
    server_read(&balance_rig, fd, "\r\n\r\n");
    server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    RIG_UNTIL(&balance_rig, visit.has_ended);
    visit_close(&visit);
    cr_assert_eq(ends, 2);
    close(fd);
}
