/* SPDX-License-Identifier: MIT */
/* max_conns and queue: exchanges at a time, also those of other workers, and who waits. */
#include "backend/queue_internal.h"
#include "backend/serve_internal.h"
#include "cells/counts.h"
#include "rig.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <unistd.h>

static struct rig rig;
static struct visit visits[4];
static int fds[4];
static uint64_t words[COUNTS_LEAST / sizeof(uint64_t)];
static struct cells_counts ours, theirs;

static void setup(void)
{
    rig_init(&rig, 2);
    rig.upstream.endpoint_count = 1;
    rig.endpoint_configs[0].max_conns = 2;
    rig.upstream_config.queue_timeout = 60;
    rig_bind(&rig);
    counts_init(&ours, words, sizeof(words), 0);
    counts_init(&theirs, words, sizeof(words), 1);
}

static uint32_t held(void)
{
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        count += (uint32_t)(words[i] & COUNTS_MAX);
    return count;
}

static void teardown(void)
{
    for (unsigned i = 0; i < 4; i++) {
        if (visits[i].rig)
            visit_close(&visits[i]);
        if (fds[i] > 0)
            close(fds[i]);
    }
    cr_assert_eq(held(), 0, "all is given back");
    rig_free(&rig);
}

TestSuite(limit, .init = setup, .fini = teardown);

static int get(unsigned i)
{
    visit_init(&visits[i], &rig, METHOD_GET, 0);
    visits[i].attempts.counts = &ours;
    return visit_start(&visits[i]);
}

static void queue_of(uint32_t most, double timeout)
{
    rig.upstream_config.queue = most;
    rig.upstream_config.queue_timeout = timeout;
    rig_bind(&rig);
}

static void answer(unsigned i)
{
    fds[i] = server_accept(&rig, 0);
    server_answer(&rig, fds[i], "hello");
    RIG_UNTIL(&rig, visits[i].has_ended);
}

Test(limit, no_more_than_it_says)
{
    cr_assert_eq(get(0), 0);
    cr_assert_eq(get(1), 0);
    cr_assert_eq(get(2), ERROR_NO_ENDPOINT);
    cr_assert_eq(held(), 2);
    answer(0);
    cr_assert_eq(held(), 1, "an idle connection does not count");
    cr_assert_eq(get(3), 0);
}

Test(limit, the_next_server_is_asked)
{
    rig.upstream.endpoint_count = 2;
    rig.endpoint_configs[0].max_conns = 1;
    rig.endpoint_configs[1].max_conns = 1;
    rig_bind(&rig);
    cr_assert_eq(get(0), 0);
    cr_assert_eq(get(1), 0);
    cr_assert_neq(visits[0].attempts.endpoint, visits[1].attempts.endpoint);
    cr_assert_eq(get(2), ERROR_NO_ENDPOINT);
}

Test(limit, who_waits_is_served_when_one_is_over)
{
    queue_of(1, 60);
    cr_assert_eq(get(0), 0);
    cr_assert_eq(get(1), 0);
    cr_assert_eq(get(2), 0);
    cr_assert(visits[2].attempts.waiting);
    cr_assert_eq(get(3), ERROR_QUEUE_FULL);
    answer(0);
    RIG_UNTIL(&rig, !visits[2].attempts.waiting);
    cr_assert_eq(visits[2].failures, 0);
    cr_assert_eq(visits[2].attempts.waited_for, BACKEND_WAIT_SERVER);
    cr_assert_gt(visits[2].attempts.queue_seconds, 0);
    cr_assert_eq(held(), 2);
}

static uint64_t server_hash(void)
{
    char key[ADDRESS_TEXT + 8];
    char text[ADDRESS_TEXT];
    address_format(&rig.endpoints[0].address, text);
    snprintf(key, sizeof(key), "app %s 0 ", text);
    return counts_hash(&theirs, slice_of(key));
}

/* Many that have asked the server already which is free now stand before one that has not. */
Test(limit, who_may_not_be_served_keeps_nobody_from_it)
{
    static struct visit many[70];
    rig.upstream.endpoint_count = 2;
    rig.endpoint_configs[0].max_conns = rig.endpoint_configs[1].max_conns = 1;
    queue_of(100, 60);
    cr_assert_eq(get(0), 0);
    cr_assert_eq(get(1), 0);
    for (unsigned i = 0; i < 70; i++) {
        visit_init(&many[i], &rig, METHOD_GET, 0);
        many[i].attempts.counts = &ours;
        cr_assert_eq(visit_start(&many[i]), 0);
        memcpy(many[i].attempts.tried, visits[0].attempts.tried, sizeof(many[i].attempts.tried));
        many[i].attempts.count = 1;
    }
    cr_assert_eq(get(2), 0);
    /* A look at them gives way, and goes on behind the one that it saw last. */
    struct backend_queue *queue = visits[2].attempts.queue;
    for (unsigned i = 0; i < 70; i++) {
        rig.loop.piece_end = 0;
        serve_group(queue);
        cr_assert_eq(queue->wake.place, LOOP_TASK, "%u", i);
        loop_cancel(&rig.loop, &queue->wake);
    }
    serve_group(queue);
    cr_assert_eq(queue->wake.place, LOOP_NOWHERE, "all were looked at");
    answer(0);
    visit_close(&visits[0]);
    visits[0].rig = NULL;
    RIG_UNTIL(&rig, visits[2].attempts.endpoint);
    for (unsigned i = 0; i < 70; i++)
        visit_close(&many[i]);
}

Test(limit, other_workers_count)
{
    uint64_t hash = server_hash();
    cr_assert_eq(counts_take(&theirs, hash, 2), COUNTS_TAKEN);
    cr_assert_eq(counts_take(&theirs, hash, 2), COUNTS_TAKEN);
    queue_of(1, 60);
    cr_assert_eq(get(0), 0);
    cr_assert(visits[0].attempts.waiting);
    counts_give(&theirs, hash);
    RIG_UNTIL(&rig, !visits[0].attempts.waiting);
    counts_give(&theirs, hash);
}

/* It sees room, and somebody else gets it. Then it waits as if there had been none. */
Test(limit, who_comes_second_for_the_last_place_waits)
{
    uint64_t hash = server_hash();
    queue_of(1, 60);
    cr_assert_eq(counts_take(&theirs, hash, 2), COUNTS_TAKEN);
    /* The other worker wants the last place for as long as this one does. */
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        words[i] |= words[i] > 0 ? COUNTS_MAX + 1 : 0;
    cr_assert_eq(get(0), 0);
    cr_assert(visits[0].attempts.waiting);
    cr_assert_eq(held(), 1);
    counts_give(&theirs, hash);
    RIG_UNTIL(&rig, !visits[0].attempts.waiting);
    cr_assert_eq(visits[0].failures, 0);
}

Test(limit, a_wait_that_is_too_long_fails)
{
    queue_of(2, 0.05);
    cr_assert_eq(get(0), 0);
    cr_assert_eq(get(1), 0);
    cr_assert_eq(get(2), 0);
    RIG_UNTIL(&rig, visits[2].failures == 1);
    cr_assert_eq(visits[2].error, ERROR_QUEUE_TIMEOUT);
    cr_assert(visits[2].untouched);
    cr_assert_eq(held(), 2);
}

/* The servers as a reload has them. */
static void reload_with(uint32_t servers, uint32_t max_conns, bool down)
{
    rig.upstream.endpoint_count = servers;
    for (unsigned i = 0; i < 2; i++) {
        rig.endpoint_configs[i].max_conns = max_conns;
        rig.endpoint_configs[i].down = down;
    }
    rig_bind(&rig);
}

static void fill_and_wait(void)
{
    queue_of(2, 60);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(get(i), 0);
    cr_assert(visits[2].attempts.waiting);
    cr_assert(visits[3].attempts.waiting);
}

Test(limit, a_reload_that_takes_all_servers_down_ends_the_wait)
{
    fill_and_wait();
    reload_with(1, 2, true);
    RIG_UNTIL(&rig, visits[2].failures == 1 && visits[3].failures == 1);
    cr_assert_eq(visits[2].error, ERROR_NO_ENDPOINT);
    cr_assert(visits[3].untouched);
    cr_assert_eq(held(), 2, "those that are under way go on");
    answer(0);
}

Test(limit, a_reload_that_makes_room_serves_who_waits)
{
    fill_and_wait();
    reload_with(1, 3, false);
    RIG_UNTIL(&rig, !visits[2].attempts.waiting);
    cr_assert(visits[3].attempts.waiting);
    reload_with(2, 3, false);
    RIG_UNTIL(&rig, !visits[3].attempts.waiting);
    cr_assert_neq(visits[3].attempts.endpoint, visits[2].attempts.endpoint, "the new one");
    cr_assert_eq(visits[2].failures + visits[3].failures, 0);
}

Test(limit, a_reload_without_queue_lets_those_wait_who_do)
{
    fill_and_wait();
    queue_of(0, 60);
    rig_turn(&rig);
    cr_assert(visits[2].attempts.waiting);
    answer(0);
    RIG_UNTIL(&rig, !visits[2].attempts.waiting);
    cr_assert_eq(visits[2].failures, 0);
}

/* Over a reload that drops the second line, and one that brings it back, too. */
Test(limit, an_address_in_two_lines_is_two_servers)
{
    rig.endpoints[1].address = rig.endpoints[0].address;
    for (unsigned i = 0; i < 3; i++) {
        reload_with(2 - i % 2, 1, false);
        cr_assert_eq(get(i), i == 1 ? ERROR_NO_ENDPOINT : 0);
    }
    cr_assert_eq(get(3), ERROR_NO_ENDPOINT);
    cr_assert_eq(held(), 2);
}

Test(limit, who_leaves_gives_back)
{
    queue_of(1, 60);
    cr_assert_eq(get(0), 0);
    cr_assert_eq(get(1), 0);
    cr_assert_eq(get(2), 0);
    visit_close(&visits[2]);
    visit_close(&visits[0]);
    cr_assert_eq(held(), 1);
    cr_assert_eq(get(3), 0);
    cr_assert_not(visits[3].attempts.waiting);
}

Test(limit, an_attempt_that_fails_gives_back)
{
    close(rig.listeners[0]);
    rig.listeners[0] = -1;
    cr_assert_eq(get(0), 0);
    RIG_UNTIL(&rig, visits[0].failures == 1);
    cr_assert_eq(held(), 0);
}
