/* SPDX-License-Identifier: MIT */
/* One question to an engine that answers well, badly, or not at all. */
#include "engine_rig.h"

#include <criterion/criterion.h>
#include <errno.h>

/* What a call brought. */
struct question {
    struct engine_call call;
    struct chain body;
    int refuses; /* error that on_body answers with */
    bool is_open, is_over;
    struct engine_outcome outcome;
};

static struct question *question_of(struct engine_call *call)
{
    return (struct question *)((char *)call - offsetof(struct question, call));
}

static void on_open(struct engine_call *call)
{
    question_of(call)->is_open = true;
}

static int on_body(struct engine_call *call, struct chain *body)
{
    struct question *question = question_of(call);
    chain_move(&question->body, body, body->len);
    return question->refuses;
}

static void on_end(struct engine_call *call, const struct engine_outcome *outcome)
{
    struct question *question = question_of(call);
    cr_expect_not(question->is_over);
    cr_expect_not(engine_is_busy(call));
    question->is_over = true;
    question->outcome = *outcome;
}

static const struct engine_events events = {on_open, on_body, on_end};

struct scene {
    struct engine_rig rig;
    struct engine engine;
    struct question question;
};

static void scene_start(struct scene *scene)
{
    *scene = (struct scene){0};
    engine_rig_start(&scene->rig);
    engine_init(&scene->engine, &scene->rig.loop, engine_rig_want, &scene->rig);
    scene->rig.engine = &scene->engine;
    chain_init(&scene->question.body, &scene->rig.loop.buffers);
    engine_get(&scene->engine, &scene->question.call, "/a/b?c=d", &events);
}

static void scene_stop(struct scene *scene)
{
    engine_cancel(&scene->question.call);
    chain_clear(&scene->question.body);
    engine_rig_turn(&scene->rig);
    engine_rig_stop(&scene->rig);
}

static void expect_body(const struct scene *scene, const char *text)
{
    char body[256] = "";
    cr_assert_lt(scene->question.body.len, sizeof(body));
    chain_peek(&scene->question.body, 0, body, scene->question.body.len);
    cr_expect_str_eq(body, text);
}

static void expect_failure(const struct scene *scene, const char *text)
{
    char said[ENGINE_TEXT];
    engine_describe(&scene->question.outcome, said);
    cr_expect(strstr(said, text), "\"%s\" says nothing of \"%s\"", said, text);
}

Test(engine, asks_as_http_wants_it)
{
    struct scene scene;
    char request[1024];
    scene_start(&scene);
    engine_rig_request(&scene.rig, 0, request);
    cr_expect_str_eq(request, "GET /a/b?c=d HTTP/1.1\r\nHost: localhost\r\nUser-Agent: nsgate\r\n"
                              "Accept: application/json\r\n\r\n");
    scene_stop(&scene);
}

Test(engine, answers_in_every_framing)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: "
        "u\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 "
        "OK\r\nContent-Length: 5\r\n\r\nhello",
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct scene scene;
        scene_start(&scene);
        engine_rig_until(&scene.rig, scene.rig.peer_count == 1);
        for (const char *at = answers[i]; *at; at++) {
            char byte[2] = {*at, '\0'};
            engine_rig_send(&scene.rig, 0, byte);
        }
        engine_rig_close(&scene.rig, 0);
        engine_rig_until(&scene.rig, scene.question.is_over);
        cr_expect(scene.question.is_open);
        cr_expect_eq(scene.question.outcome.status, 200);
        cr_expect_null(scene.question.outcome.what);
        expect_body(&scene, "hello");
        scene_stop(&scene);
    }
}

Test(engine, another_status_ends_it_without_its_body)
{
    struct scene scene;
    scene_start(&scene);
    engine_rig_until(&scene.rig, scene.rig.peer_count == 1);
    engine_rig_send(&scene.rig, 0, "HTTP/1.1 404 Not Found\r\nContent-Length: 9999999\r\n\r\n{");
    engine_rig_until(&scene.rig, scene.question.is_over);
    cr_expect_not(scene.question.is_open);
    cr_expect_eq(scene.question.outcome.status, 404);
    expect_failure(&scene, "answers with status 404");
    cr_expect_eq(scene.question.body.len, 0);
    engine_rig_until(&scene.rig, engine_rig_is_closed(&scene.rig, 0));
    scene_stop(&scene);
}

Test(engine, what_is_no_answer)
{
    static const struct {
        const char *bytes, *why;
    } wrong[] = {
        {"", "closed the connection"},
        {"HTTP/1.1 200 OK\r\nContent-Le", "closed the connection"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "closed the connection"},
        {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "cannot be read: it is malformed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "cannot be read"},
        {RIG_OK "zz\r\n", "cannot be read: malformed chunked body"},
        {"HTTP/1.1 101 Switching\r\n\r\n", "101"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct scene scene;
        scene_start(&scene);
        engine_rig_until(&scene.rig, scene.rig.peer_count == 1);
        engine_rig_send(&scene.rig, 0, wrong[i].bytes);
        engine_rig_close(&scene.rig, 0);
        engine_rig_until(&scene.rig, scene.question.is_over);
        expect_failure(&scene, wrong[i].why);
        scene_stop(&scene);
    }
}

Test(engine, a_head_without_end_is_given_up)
{
    struct scene scene;
    scene_start(&scene);
    engine_rig_until(&scene.rig, scene.rig.peer_count == 1);
    engine_rig_send(&scene.rig, 0, "HTTP/1.1 200 OK\r\n");
    for (unsigned i = 0; i < 20000 && !scene.question.is_over; i++)
        engine_rig_send(&scene.rig, 0, "A: bcdefgh\r\n");
    cr_assert(scene.question.is_over);
    expect_failure(&scene, "cannot be read");
    scene_stop(&scene);
}

Test(engine, the_owner_can_refuse_a_body)
{
    struct scene scene;
    scene_start(&scene);
    scene.question.refuses = ERROR_RESPONSE_TOO_LARGE;
    engine_rig_until(&scene.rig, scene.rig.peer_count == 1);
    engine_rig_send(&scene.rig, 0, RIG_OK "5\r\nhello\r\n");
    engine_rig_until(&scene.rig, scene.question.is_over);
    expect_failure(&scene, "too large");
    engine_rig_until(&scene.rig, engine_rig_is_closed(&scene.rig, 0));
    scene_stop(&scene);
}

Test(engine, an_engine_that_is_not_there)
{
    struct scene scene;
    scene_start(&scene);
    scene.rig.refusal = ENOENT;
    engine_rig_until(&scene.rig, scene.question.is_over);
    cr_expect(scene.question.outcome.is_absent);
    expect_failure(&scene, "cannot connect to the container engine: No such file or directory "
                           "(/run/engine.sock)");
    scene_stop(&scene);
}

Test(engine, one_that_does_not_answer_in_time)
{
    static const char *const parts[] = {NULL, "HTTP/1.1 200 OK\r\n", RIG_OK "1\r\na\r\n"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct scene scene;
        scene_start(&scene);
        engine_rig_until(&scene.rig, scene.rig.peer_count == 1);
        if (parts[i])
            engine_rig_send(&scene.rig, 0, parts[i]);
        cr_expect(deadline_is_set(&scene.question.call.deadline));
        deadline_set(&scene.question.call.deadline, 0.01);
        engine_rig_until(&scene.rig, scene.question.is_over);
        expect_failure(&scene, "in time");
        scene_stop(&scene);
    }
}

Test(engine, an_endless_answer_has_time)
{
    struct scene scene;
    scene_start(&scene);
    scene.question.call.is_endless = true;
    engine_rig_until(&scene.rig, scene.rig.peer_count == 1);
    cr_expect(deadline_is_set(&scene.question.call.deadline));
    engine_rig_send(&scene.rig, 0, RIG_OK);
    engine_rig_until(&scene.rig, scene.question.is_open);
    cr_expect_not(deadline_is_set(&scene.question.call.deadline));
    scene_stop(&scene);
}

Test(engine, one_that_was_given_up_takes_no_connection)
{
    struct scene scene;
    struct question second = {0};
    scene_start(&scene);
    engine_cancel(&scene.question.call);
    engine_cancel(&scene.question.call); /* harmless */
    engine_rig_until(&scene.rig, scene.rig.peer_count == 1);
    engine_rig_until(&scene.rig, engine_rig_is_closed(&scene.rig, 0));
    chain_init(&second.body, &scene.rig.loop.buffers);
    engine_get(&scene.engine, &second.call, "/", &events);
    engine_rig_until(&scene.rig, scene.rig.peer_count == 2);
    engine_rig_answer(&scene.rig, 1, "{}");
    engine_rig_until(&scene.rig, second.is_over);
    cr_expect_null(second.outcome.what);
    chain_clear(&second.body);
    cr_expect_not(scene.question.is_over);
    scene_stop(&scene);
}
