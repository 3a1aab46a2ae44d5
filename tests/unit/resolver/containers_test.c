/* SPDX-License-Identifier: MIT */
/* The engine's events: heard, lost, and heard again. */
#include "followed.h"

#include <criterion/criterion.h>
#include <errno.h>

static void answer(struct followed *followed, unsigned peer, const char *body)
{
    engine_rig_until(&followed->rig, followed->rig.peer_count > peer);
    engine_rig_answer(&followed->rig, peer, body);
}

Test(containers, nothing_is_asked_before_the_events_come)
{
    struct followed followed;
    followed_init(&followed);
    containers_follow(&followed.containers, SLICE("web"));
    containers_follow(&followed.containers, SLICE("other"));
    for (int i = 0; i < 20; i++)
        engine_rig_turn(&followed.rig);
    cr_expect_eq(followed.rig.peer_count, 1);
    engine_rig_send(&followed.rig, 0, RIG_OK);
    engine_rig_until(&followed.rig, followed.rig.peer_count == 3);
    followed_stop(&followed);
}

Test(containers, only_what_an_event_touches_is_asked_for)
{
    struct followed followed;
    followed_start(&followed, "web");
    answer(&followed, 1, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.count == 1);
    followed_event(&followed, "exec_start", "web");
    engine_rig_chunk(&followed.rig, 0,
                     "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"78\","
                     "\"Attributes\":{\"name\":\"stranger\"}}}\n");
    followed_event(&followed, "die", "web");
    answer(&followed, 2, "{\"State\":{\"Status\":\"exited\",\"Running\":false}}");
    engine_rig_until(&followed.rig, followed.count == 2);
    cr_expect_eq(followed.last.pid, 0);
    cr_expect_eq(followed.rig.peer_count, 3);
    followed_event(&followed, "start", "web");
    answer(&followed, 3, FOLLOWED_RUNS("18"));
    engine_rig_until(&followed.rig, followed.count == 3);
    cr_expect_eq(followed.last.pid, 18);
    followed_stop(&followed);
}

/* It may be followed by its id, and an event may know it by that only. */
Test(containers, ids_are_known)
{
    struct followed followed;
    followed_start(&followed, "77a");
    answer(&followed, 1, FOLLOWED_RUNS("17"));
    followed_event(&followed, "die", "web");
    answer(&followed, 2, FOLLOWED_RUNS("18"));
    engine_rig_until(&followed.rig, followed.count == 2);
    followed_stop(&followed);
}

Test(containers, a_new_name_may_be_anybodys)
{
    struct followed followed;
    followed_start(&followed, "web");
    engine_rig_until(&followed.rig, followed.rig.peer_count == 2);
    engine_rig_send(&followed.rig, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    engine_rig_until(&followed.rig, followed.count == 1);
    followed_event(&followed, "rename", "other");
    answer(&followed, 2, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.count == 2);
    cr_expect_eq(followed.last.pid, 17);
    followed_stop(&followed);
}

Test(containers, events_may_come_in_any_pieces)
{
    static const char two[] =
        "{\"Type\":\"container\",\"Action\":\"health_status\",\"Actor\":{}}{\"Type\":"
        "\"container\",\n\"Action\":\"die\",\"Actor\":{\"Attributes\":{\"name\":\"web\"}}}";
    struct followed followed;
    followed_start(&followed, "web");
    answer(&followed, 1, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.count == 1);
    for (const char *at = two; *at; at++) {
        char byte[2] = {*at, '\0'};
        engine_rig_chunk(&followed.rig, 0, byte);
    }
    answer(&followed, 2, FOLLOWED_RUNS("18"));
    engine_rig_until(&followed.rig, followed.count == 2);
    followed_stop(&followed);
}

Test(containers, an_engine_that_comes_back_is_asked_for_all)
{
    struct followed followed;
    followed_start(&followed, "web");
    answer(&followed, 1, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.count == 1);
    engine_rig_close(&followed.rig, 0);
    engine_rig_until(&followed.rig, followed.rig.peer_count == 3);
    cr_expect_eq(followed.count, 1, "its process is not worse for that");
    cr_expect_not(followed.containers.is_listening);
    engine_rig_send(&followed.rig, 2, RIG_OK);
    answer(&followed, 3, FOLLOWED_RUNS("18"));
    engine_rig_until(&followed.rig, followed.count == 2);
    cr_expect_eq(followed.last.pid, 18);
    followed_stop(&followed);
}

Test(containers, an_engine_that_is_not_there_is_told_of_and_tried_again)
{
    struct followed followed;
    followed_init(&followed);
    followed.rig.refusal = ENOENT;
    containers_follow(&followed.containers, SLICE("web"));
    engine_rig_until(&followed.rig, followed.count == 1);
    cr_expect(strstr(followed.reason, "cannot connect to the container engine: No such file"));
    containers_follow(&followed.containers, SLICE("other"));
    cr_expect_eq(followed.count, 2, "who comes later need not wait to hear it");
    engine_rig_until(&followed.rig, followed.containers.failures == 3);
    cr_expect_eq(followed.count, 2, "it is said once");
    followed.rig.refusal = 0;
    engine_rig_until(&followed.rig, followed.rig.peer_count == 1);
    engine_rig_send(&followed.rig, 0, RIG_OK);
    answer(&followed, 1, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.count == 3);
    followed_stop(&followed);
}

/* A proxy in front of the engine's socket may let only some questions through. */
Test(containers, without_events_it_is_asked_all_the_same)
{
    struct followed followed;
    followed_init(&followed);
    containers_follow(&followed.containers, SLICE("web"));
    engine_rig_until(&followed.rig, followed.rig.peer_count == 1);
    engine_rig_send(&followed.rig, 0, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    answer(&followed, 1, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.count == 1);
    cr_expect_eq(followed.last.pid, 17);
    followed_stop(&followed);
}

/* Nor if they are never begun. */
Test(containers, without_an_answer_for_the_events_it_is_asked_all_the_same)
{
    struct followed followed;
    followed_init(&followed);
    containers_follow(&followed.containers, SLICE("web"));
    engine_rig_until(&followed.rig, followed.rig.peer_count == 1);
    deadline_set(&followed.containers.events.deadline, 0.01);
    answer(&followed, 1, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.count == 1);
    cr_expect_eq(followed.last.pid, 17);
    followed_stop(&followed);
}

Test(containers, hostile_events_end_the_connection)
{
    static const char *const wrong[] = {"no json", "{\"Type\":}", "[]", "{}]"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct followed followed;
        followed_start(&followed, "web");
        engine_rig_chunk(&followed.rig, 0, wrong[i]);
        engine_rig_until(&followed.rig, engine_rig_is_closed(&followed.rig, 0));
        cr_expect_not(followed.containers.is_listening);
        followed_stop(&followed);
    }
}

Test(containers, a_huge_event_ends_the_connection)
{
    struct followed followed;
    char kilobyte[1025];
    memset(kilobyte, ' ', 1024);
    kilobyte[1024] = '\0';
    followed_start(&followed, "web");
    engine_rig_chunk(&followed.rig, 0, "{");
    for (unsigned i = 0; i < 70 && followed.containers.is_listening; i++)
        engine_rig_chunk(&followed.rig, 0, kilobyte);
    engine_rig_until(&followed.rig, !followed.containers.is_listening);
    followed_stop(&followed);
}

Test(containers, the_backstop_asks_for_what_no_event_told)
{
    struct followed followed;
    followed_start(&followed, "web");
    answer(&followed, 1, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.count == 1);
    cr_expect(deadline_is_set(&followed.containers.backstop));
    deadline_set(&followed.containers.backstop, 0.01);
    answer(&followed, 2, FOLLOWED_RUNS("18"));
    engine_rig_until(&followed.rig, followed.count == 2);
    cr_expect(deadline_is_set(&followed.containers.backstop));
    followed_stop(&followed);
}

Test(containers, followed_again_it_is_told_again)
{
    struct followed followed;
    followed_start(&followed, "web");
    answer(&followed, 1, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.count == 1);
    containers_follow(&followed.containers, SLICE("web"));
    cr_expect_eq(followed.count, 2);
    cr_expect_eq(followed.last.pid, 17);
    answer(&followed, 2, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.containers.asking == 0);
    cr_expect_eq(followed.count, 2, "nothing is new");
    followed_stop(&followed);
}

Test(containers, with_nobody_to_follow_the_engine_is_left_alone)
{
    struct followed followed;
    followed_start(&followed, "web");
    engine_rig_until(&followed.rig, followed.rig.peer_count == 2);
    containers_forget(&followed.containers, SLICE("web"));
    engine_rig_until(&followed.rig, engine_rig_is_closed(&followed.rig, 0));
    engine_rig_until(&followed.rig, engine_rig_is_closed(&followed.rig, 1));
    for (int i = 0; i < 300; i++)
        engine_rig_turn(&followed.rig);
    cr_expect_eq(followed.rig.peer_count, 2);
    containers_follow(&followed.containers, SLICE("web"));
    engine_rig_until(&followed.rig, followed.rig.peer_count == 3);
    followed_stop(&followed);
}
