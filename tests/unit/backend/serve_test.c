/* SPDX-License-Identifier: MIT */
/* Those who wait for a connection to a server: what they get, in which order, and when they are
 * sent elsewhere. */
#include "backend/queue_internal.h"
#include "backend/serve_internal.h"
#include "crowd.h"

#include <criterion/criterion.h>

#include <math.h>
#include <unistd.h>

TestSuite(serve, .init = crowd_begin, .fini = crowd_end);

Test(serve, what_is_given_back_goes_to_who_came_first)
{
    fill();
    more(2);
    fds[0] = server_accept(&rig, 0);
    server_answer(&rig, fds[0], "hello");
    RIG_UNTIL(&rig, !waits(FIRST));
    cr_assert(visits[FIRST].attempts.reused || server_has_connection(&rig, 0));
    RIG_UNTIL(&rig, !waits(FIRST + 1));
    cr_assert_eq(backends_idle_count(rig.backends), 0);
}

Test(serve, none_is_given_back_and_a_few_milliseconds_are_enough)
{
    fill();
    more(1);
    RIG_UNTIL(&rig, !waits(FIRST));
    cr_assert_not(visits[FIRST].attempts.reused);
    cr_assert_eq(visits[FIRST].attempts.waited_for, BACKEND_WAIT_CONNECTION);
    cr_assert_gt(visits[FIRST].attempts.queue_seconds, 0);
    cr_assert_geq(visits[FIRST].attempts.started,
                  visits[FIRST].attempts.queued + visits[FIRST].attempts.queue_seconds - 0.001);
}

Test(serve, keepalive_closes_none_that_somebody_waits_for)
{
    rig.upstream_config.keepalive = 1;
    rig_bind(&rig);
    fill();
    for (unsigned i = 0; i < 4; i++)
        fds[i] = server_accept(&rig, 0);
    for (unsigned i = 0; i < 4; i++)
        server_answer(&rig, fds[i], "hello");
    for (unsigned i = 0; i < 4; i++)
        RIG_UNTIL(&rig, visits[i].has_ended);
    cr_assert_leq(backends_idle_count(rig.backends), 1);
}

static void use_other_server(void)
{
    rig.endpoints[0] = rig.endpoints[1];
    rig.endpoints[0].config = &rig.endpoint_configs[0];
    rig_bind(&rig);
}

Test(serve, a_server_that_is_removed_hands_them_on)
{
    fill();
    more(2);
    use_other_server();
    rig.listeners[0] = rig.listeners[1];
    rig.listeners[1] = -1;
    fds[0] = server_accept(&rig, 0);
    server_answer(&rig, fds[0], "other");
    RIG_UNTIL(&rig, visits[FIRST].has_ended);
    cr_assert_str_eq(visits[FIRST].body, "other");
    cr_assert_eq(visits[FIRST].failures, 0);
    cr_assert_eq(visits[FIRST].attempts.count, 1, "no attempt was made before");
    cr_assert_eq(visits[FIRST].attempts.waited_for, BACKEND_WAIT_CONNECTION, "as this one's");
}

Test(serve, a_server_that_is_left_out_hands_them_on)
{
    rig.upstream.endpoint_count = 2;
    rig.endpoint_configs[1].backup = true;
    rig_bind(&rig);
    close(rig.listeners[0]);
    rig.listeners[0] = -1;
    for (unsigned i = 0; i < FIRST + 2; i++)
        visit_get(&visits[i], &rig);
    cr_assert(waits(FIRST));
    fds[0] = server_accept(&rig, 1);
    cr_assert_eq(visits[FIRST].failures, 0);
    server_answer(&rig, fds[0], "other");
    RIG_UNTIL(&rig, visits[FIRST].has_ended);
}

Test(serve, a_wait_as_long_as_connecting_may_take_is_a_504)
{
    fill();
    more(2);
    struct backend_queue *queue = visits[FIRST].attempts.queue;
    visits[FIRST + 1].attempts.queued -= rig.settings.proxy_connect_timeout + 1;
    serve_endpoint(queue);
    cr_assert_eq(visits[FIRST + 1].failures, 0, "that is looked for now and then");
    queue->looked_at -= 1;
    serve_endpoint(queue);
    cr_assert_eq(visits[FIRST + 1].failures, 1);
    cr_assert_eq(visits[FIRST + 1].error, ERROR_CONNECT_TIMEOUT);
    cr_assert(visits[FIRST + 1].untouched);
    cr_assert_eq(error_status(ERROR_CONNECT_TIMEOUT), 504);
    cr_assert(waits(FIRST), "others wait on, also those before it");
}

Test(serve, nobody_is_left)
{
    fill();
    more(1);
    rig.endpoint_configs[0].down = true;
    rig_bind(&rig);
    RIG_UNTIL(&rig, visits[FIRST].failures == 1);
    cr_assert_eq(visits[FIRST].error, ERROR_NO_ENDPOINT);
    cr_assert(visits[FIRST].untouched);
}

/* Who wants a fresh connection does not keep the others from theirs, however many there are. */
Test(serve, a_look_goes_on_where_it_gave_way)
{
    fill();
    more(6);
    struct backend_queue *queue = visits[FIRST].attempts.queue;
    for (unsigned i = 0; i < 6; i++)
        visits[FIRST + i].attempts.after = INFINITY;
    rig.loop.piece_end = 0; /* it gives way behind each */
    for (unsigned i = 0; i < 3; i++)
        serve_endpoint(queue);
    visit_close(&visits[FIRST + 3]); /* it would be the next */
    visit_close(&visits[0]);
    serve_endpoint(queue);
    cr_assert(!waits(FIRST + 4), "there is room for one, which is the next");
    cr_assert(waits(FIRST));
    serve_endpoint(queue);
    cr_assert(waits(FIRST + 5));
    loop_cancel(&rig.loop, &queue->wake);
    serve_endpoint(queue);
    cr_assert_eq(queue->wake.place, LOOP_TASK, "a new look begins with the first");
    for (unsigned i = 0; i < 3; i++) {
        loop_cancel(&rig.loop, &queue->wake);
        serve_endpoint(queue);
    }
    cr_assert_eq(queue->wake.place, LOOP_NOWHERE, "all were looked at, and wait for a change");
}
