/* SPDX-License-Identifier: MIT */
/* One container: what is asked, what is believed, and what is asked again. */
#include "followed.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(container, its_process_is_told)
{
    struct followed followed;
    char request[1024];
    followed_start(&followed, "web");
    engine_rig_request(&followed.rig, 1, request);
    cr_expect(strstr(request, "GET /containers/web/json HTTP/1.1\r\n"));
    engine_rig_answer(&followed.rig, 1, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.count == 1);
    cr_expect_str_eq(followed.last.name, "web");
    cr_expect_eq(followed.last.pid, 17);
    cr_expect_str_empty(followed.last.reason);
    followed_stop(&followed);
}

Test(container, why_it_has_none_is_told)
{
    static const struct {
        const char *answer, *why;
    } answers[] = {
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "there is no such container"},
        {"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "answers with status 500"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "has ended early"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{", "has ended early"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "malformed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "malformed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"State\":{}}x", "malformed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{\"State\":{}}{\"State\":{}}", "malformed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"State\":{}}\n", "does not run"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{\"State\":{\"Status\":\"exited\"}}  ",
         "does not run (exited)"},
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct followed followed;
        followed_start(&followed, "web");
        engine_rig_until(&followed.rig, followed.rig.peer_count == 2);
        engine_rig_send(&followed.rig, 1, answers[i].answer);
        engine_rig_until(&followed.rig, followed.count == 1);
        cr_expect_eq(followed.last.pid, 0);
        cr_expect(strstr(followed.reason, answers[i].why), "%s", followed.reason);
        followed_stop(&followed);
    }
}

Test(container, a_huge_answer_is_given_up)
{
    struct followed followed;
    char kilobyte[1025];
    memset(kilobyte, 'a', 1024);
    kilobyte[1024] = '\0';
    followed_start(&followed, "web");
    engine_rig_until(&followed.rig, followed.rig.peer_count == 2);
    engine_rig_send(&followed.rig, 1, RIG_OK);
    engine_rig_chunk(&followed.rig, 1, "{\"a\":\"");
    for (unsigned i = 0; i < 1100 && followed.count == 0; i++)
        engine_rig_chunk(&followed.rig, 1, kilobyte);
    engine_rig_until(&followed.rig, followed.count == 1);
    cr_expect(strstr(followed.reason, "it is too large"), "%s", followed.reason);
    followed_stop(&followed);
}

/* What cannot be asked keeps what was known: the supervisor follows the process. */
Test(container, trouble_takes_nothing_away)
{
    struct followed followed;
    followed_start(&followed, "web");
    engine_rig_until(&followed.rig, followed.rig.peer_count == 2);
    engine_rig_answer(&followed.rig, 1, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.count == 1);
    followed_event(&followed, "die", "web");
    engine_rig_until(&followed.rig, followed.rig.peer_count == 3);
    engine_rig_close(&followed.rig, 2);
    engine_rig_until(&followed.rig, followed.containers.asking == 0);
    cr_expect_eq(followed.count, 1);
    /* It is asked again by itself. */
    engine_rig_until(&followed.rig, followed.rig.peer_count == 4);
    engine_rig_answer(&followed.rig, 3, FOLLOWED_RUNS("18"));
    engine_rig_until(&followed.rig, followed.count == 2);
    cr_expect_eq(followed.last.pid, 18);
    followed_stop(&followed);
}

Test(container, one_that_changes_while_it_is_asked_for_is_asked_again)
{
    struct followed followed;
    followed_start(&followed, "web");
    engine_rig_until(&followed.rig, followed.rig.peer_count == 2);
    followed_event(&followed, "start", "web");
    followed_event(&followed, "start", "web");
    engine_rig_until(&followed.rig, !TAILQ_EMPTY(&followed.containers.due));
    cr_expect_eq(followed.rig.peer_count, 2);
    engine_rig_answer(&followed.rig, 1, FOLLOWED_RUNS("17"));
    engine_rig_until(&followed.rig, followed.rig.peer_count == 3);
    engine_rig_answer(&followed.rig, 2, FOLLOWED_RUNS("18"));
    engine_rig_until(&followed.rig, followed.count == 2);
    cr_expect_eq(followed.last.pid, 18);
    cr_expect_eq(followed.rig.peer_count, 3);
    followed_stop(&followed);
}

/* podman answers for a container only when it has stopped it: the others must not wait. */
Test(container, slow_answers_hold_up_few)
{
    struct followed followed;
    char name[2] = "a";
    followed_start(&followed, "web");
    for (; name[0] <= 'k'; name[0]++)
        containers_follow(&followed.containers, slice_of(name));
    engine_rig_until(&followed.rig, followed.rig.peer_count == 9);
    for (int i = 0; i < 20; i++)
        engine_rig_turn(&followed.rig);
    cr_expect_eq(followed.rig.peer_count, 9, "eight questions at once, and the events");
    engine_rig_answer(&followed.rig, 5, FOLLOWED_RUNS("5"));
    engine_rig_until(&followed.rig, followed.count == 1 && followed.rig.peer_count == 10);
    followed_stop(&followed);
}

Test(container, one_that_is_forgotten_is_not_heard_of)
{
    struct followed followed;
    followed_start(&followed, "web");
    containers_follow(&followed.containers, SLICE("other"));
    engine_rig_until(&followed.rig, followed.rig.peer_count == 3);
    containers_forget(&followed.containers, SLICE("web"));
    containers_forget(&followed.containers, SLICE("nobody"));
    engine_rig_until(&followed.rig, engine_rig_is_closed(&followed.rig, 1));
    engine_rig_answer(&followed.rig, 2, FOLLOWED_RUNS("19"));
    engine_rig_until(&followed.rig, followed.count == 1);
    cr_expect_str_eq(followed.last.name, "other");
    cr_expect_eq(followed.containers.asking, 0);
    followed_stop(&followed);
}

/* An engine whose answers change each time costs a question now and then, not one for each event.
 */
Test(container, one_that_flaps_is_asked_for_now_and_then)
{
    static const char *const answers[] = {FOLLOWED_RUNS("17"), FOLLOWED_RUNS("18")};
    struct followed followed;
    double start;
    followed_start(&followed, "web");
    engine_rig_until(&followed.rig, followed.rig.peer_count == 2);
    start = loop_now(&followed.rig.loop);
    for (unsigned answered = 1; loop_now(&followed.rig.loop) - start < 1.5;) {
        followed_event(&followed, "start", "web");
        if (answered < followed.rig.peer_count) {
            engine_rig_answer(&followed.rig, answered, answers[answered % 2]);
            answered++;
        }
        engine_rig_turn(&followed.rig);
    }
    /* At 0 s, 0.1, 0.3, 0.7, 1.5. */
    cr_expect_leq(followed.rig.peer_count, 1 + 5);
    cr_expect_geq(followed.rig.peer_count, 1 + 3);
    followed_stop(&followed);
}
