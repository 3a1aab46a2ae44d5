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

struct call_rig {
    struct engine_rig engine_rig;
    struct engine engine;
    struct question question;
};

static void call_rig_start(struct call_rig *rig)
{
    *rig = (struct call_rig){0};
    engine_rig_start(&rig->engine_rig);
    engine_init(&rig->engine, &rig->engine_rig.loop, engine_rig_want, &rig->engine_rig);
    rig->engine_rig.engine = &rig->engine;
    chain_init(&rig->question.body, &rig->engine_rig.loop.buffers);
    engine_get(&rig->engine, &rig->question.call, "/a/b?c=d", &events);
}

static void call_rig_stop(struct call_rig *rig)
{
    engine_cancel(&rig->question.call);
    chain_clear(&rig->question.body);
    engine_rig_turn(&rig->engine_rig);
    engine_rig_stop(&rig->engine_rig);
}

static void expect_body(const struct call_rig *rig, const char *text)
{
    char body[256] = "";
    cr_assert_lt(rig->question.body.len, sizeof(body));
    chain_peek(&rig->question.body, 0, body, rig->question.body.len);
    cr_expect_str_eq(body, text);
}

static void expect_failure(const struct call_rig *rig, const char *text)
{
    char said[ENGINE_TEXT];
    engine_describe(&rig->question.outcome, said);
    cr_expect(strstr(said, text), "\"%s\" says nothing of \"%s\"", said, text);
}

Test(engine, asks_as_http_wants_it)
{
    struct call_rig rig;
    char request[1024];
    call_rig_start(&rig);
    engine_rig_request(&rig.engine_rig, 0, request);
    cr_expect_str_eq(request, "GET /a/b?c=d HTTP/1.1\r\nHost: localhost\r\nUser-Agent: nsgate\r\n"
                              "Accept: application/json\r\n\r\n");
    call_rig_stop(&rig);
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
        struct call_rig rig;
        call_rig_start(&rig);
        engine_rig_until(&rig.engine_rig, rig.engine_rig.peer_count == 1);
        for (const char *at = answers[i]; *at; at++) {
            char byte[2] = {*at, '\0'};
            engine_rig_send(&rig.engine_rig, 0, byte);
        }
        engine_rig_close(&rig.engine_rig, 0);
        engine_rig_until(&rig.engine_rig, rig.question.is_over);
        cr_expect(rig.question.is_open);
        cr_expect_eq(rig.question.outcome.status, 200);
        cr_expect_null(rig.question.outcome.what);
        expect_body(&rig, "hello");
        call_rig_stop(&rig);
    }
}

Test(engine, another_status_ends_it_without_its_body)
{
    struct call_rig rig;
    call_rig_start(&rig);
    engine_rig_until(&rig.engine_rig, rig.engine_rig.peer_count == 1);
    engine_rig_send(&rig.engine_rig, 0,
                    "HTTP/1.1 404 Not Found\r\nContent-Length: 9999999\r\n\r\n{");
    engine_rig_until(&rig.engine_rig, rig.question.is_over);
    cr_expect_not(rig.question.is_open);
    cr_expect_eq(rig.question.outcome.status, 404);
    expect_failure(&rig, "answers with status 404");
    cr_expect_eq(rig.question.body.len, 0);
    engine_rig_until(&rig.engine_rig, engine_rig_is_closed(&rig.engine_rig, 0));
    call_rig_stop(&rig);
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
        struct call_rig rig;
        call_rig_start(&rig);
        engine_rig_until(&rig.engine_rig, rig.engine_rig.peer_count == 1);
        engine_rig_send(&rig.engine_rig, 0, wrong[i].bytes);
        engine_rig_close(&rig.engine_rig, 0);
        engine_rig_until(&rig.engine_rig, rig.question.is_over);
        expect_failure(&rig, wrong[i].why);
        call_rig_stop(&rig);
    }
}

Test(engine, a_head_without_end_is_given_up)
{
    struct call_rig rig;
    call_rig_start(&rig);
    engine_rig_until(&rig.engine_rig, rig.engine_rig.peer_count == 1);
    engine_rig_send(&rig.engine_rig, 0, "HTTP/1.1 200 OK\r\n");
    for (unsigned i = 0; i < 20000 && !rig.question.is_over; i++)
        engine_rig_send(&rig.engine_rig, 0, "A: bcdefgh\r\n");
    cr_assert(rig.question.is_over);
    expect_failure(&rig, "cannot be read");
    call_rig_stop(&rig);
}

Test(engine, the_owner_can_refuse_a_body)
{
    struct call_rig rig;
    call_rig_start(&rig);
    rig.question.refuses = ERROR_RESPONSE_TOO_LARGE;
    engine_rig_until(&rig.engine_rig, rig.engine_rig.peer_count == 1);
    engine_rig_send(&rig.engine_rig, 0, RIG_OK "5\r\nhello\r\n");
    engine_rig_until(&rig.engine_rig, rig.question.is_over);
    expect_failure(&rig, "too large");
    engine_rig_until(&rig.engine_rig, engine_rig_is_closed(&rig.engine_rig, 0));
    call_rig_stop(&rig);
}

Test(engine, an_engine_that_is_not_there)
{
    struct call_rig rig;
    call_rig_start(&rig);
    rig.engine_rig.refusal = ENOENT;
    engine_rig_until(&rig.engine_rig, rig.question.is_over);
    cr_expect(rig.question.outcome.is_absent);
    expect_failure(&rig, "cannot connect to the container engine: No such file or directory "
                         "(/run/engine.sock)");
    call_rig_stop(&rig);
}

Test(engine, one_that_does_not_answer_in_time)
{
    static const char *const parts[] = {NULL, "HTTP/1.1 200 OK\r\n", RIG_OK "1\r\na\r\n"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct call_rig rig;
        call_rig_start(&rig);
        engine_rig_until(&rig.engine_rig, rig.engine_rig.peer_count == 1);
        if (parts[i])
            engine_rig_send(&rig.engine_rig, 0, parts[i]);
        cr_expect(deadline_is_set(&rig.question.call.deadline));
        deadline_set(&rig.question.call.deadline, 0.01);
        engine_rig_until(&rig.engine_rig, rig.question.is_over);
        expect_failure(&rig, "in time");
        call_rig_stop(&rig);
    }
}

Test(engine, an_endless_answer_has_time)
{
    struct call_rig rig;
    call_rig_start(&rig);
    rig.question.call.is_endless = true;
    engine_rig_until(&rig.engine_rig, rig.engine_rig.peer_count == 1);
    cr_expect(deadline_is_set(&rig.question.call.deadline));
    engine_rig_send(&rig.engine_rig, 0, RIG_OK);
    engine_rig_until(&rig.engine_rig, rig.question.is_open);
    cr_expect_not(deadline_is_set(&rig.question.call.deadline));
    call_rig_stop(&rig);
}

Test(engine, one_that_was_given_up_takes_no_connection)
{
    struct call_rig rig;
    struct question second = {0};
    call_rig_start(&rig);
    engine_cancel(&rig.question.call);
    engine_cancel(&rig.question.call); /* harmless */
    engine_rig_until(&rig.engine_rig, rig.engine_rig.peer_count == 1);
    engine_rig_until(&rig.engine_rig, engine_rig_is_closed(&rig.engine_rig, 0));
    chain_init(&second.body, &rig.engine_rig.loop.buffers);
    engine_get(&rig.engine, &second.call, "/", &events);
    engine_rig_until(&rig.engine_rig, rig.engine_rig.peer_count == 2);
    engine_rig_answer(&rig.engine_rig, 1, "{}");
    engine_rig_until(&rig.engine_rig, second.is_over);
    cr_expect_null(second.outcome.what);
    chain_clear(&second.body);
    cr_expect_not(rig.question.is_over);
    call_rig_stop(&rig);
}
