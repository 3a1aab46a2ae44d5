/* SPDX-License-Identifier: MIT */
/* limit_req: passed, delayed, refused; several at once; dry runs. */
#include "dispatch/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define ZONES                                                                                      \
    "limit_req_zone $arg_a zone=a:64k rate=1r/m; limit_req_zone $arg_b zone=b:64k rate=2r/m;"      \
    "limit_req_zone $arg_c zone=c:64k rate=20r/s;"

static void open_with(struct rig *rig, const char *inside)
{
    char text[1024];
    snprintf(text, sizeof(text),
             ZONES "server { listen 10.0.0.1:80; add_header X-L $limit_req_status always;"
                   "location / { %s proxy_pass http://127.0.0.1:9000; } }",
             inside);
    rig_open(rig, text);
}

/* The status that a request gets: 0 for one that waits, 200 for one that went to the backend. */
static int ask(struct rig *rig, const char *target)
{
    int status;
    uint32_t starts = rig->starts;
    rig->seen = (struct seen){0};
    rig_get(rig, target, "");
    if (rig->starts > starts)
        rig_answer(rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    status = rig->seen.status;
    rig_end(rig);
    return status;
}

Test(limit_req, one_without_burst)
{
    struct rig rig;
    open_with(&rig, "limit_req zone=a;");
    cr_expect_eq(ask(&rig, "/?a=1"), 200);
    cr_expect_eq(ask(&rig, "/?a=1"), 503);
    cr_expect_eq(ask(&rig, "/?a=2"), 200, "another key");
    cr_expect_eq(ask(&rig, "/"), 200, "no key");
    cr_expect_eq(ask(&rig, "/"), 200);
    rig_close(&rig);
}

Test(limit_req, burst_without_delay)
{
    struct rig rig;
    open_with(&rig, "limit_req zone=a burst=2 nodelay; limit_req_status 429;");
    for (int i = 0; i < 3; i++)
        cr_expect_eq(ask(&rig, "/?a=1"), 200);
    cr_expect_eq(ask(&rig, "/?a=1"), 429);
    rig_close(&rig);
}

Test(limit_req, some_pass_at_once_and_others_wait)
{
    struct rig rig;
    open_with(&rig, "limit_req zone=a burst=3 delay=1;");
    cr_expect_eq(ask(&rig, "/?a=1"), 200);
    cr_expect_eq(ask(&rig, "/?a=1"), 200);
    cr_expect_eq(ask(&rig, "/?a=1"), 0, "it waits, and its client leaves");
    cr_expect_eq(ask(&rig, "/?a=1"), 0);
    cr_expect_eq(ask(&rig, "/?a=1"), 503);
    rig_close(&rig);
}

Test(limit_req, who_waits_goes_on)
{
    struct rig rig;
    open_with(&rig, "limit_req zone=c burst=5;");
    cr_expect_eq(ask(&rig, "/?c=1"), 200);
    rig_get(&rig, "/?c=1", "");
    cr_expect_eq(rig.starts, 1);
    double begun = loop_now(&rig.loop);
    while (rig.starts == 1)
        ev_run(rig.loop.ev, EVRUN_ONCE);
    cr_expect_geq(loop_now(&rig.loop) - begun, 0.040);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "x-l"), "DELAYED");
    rig_close(&rig);
}

/* What is wrong with a request that waits ends the waiting: it is answered once. */
Test(limit_req, who_waits_may_be_refused)
{
    struct rig rig;
    open_with(&rig, "limit_req zone=c burst=5;");
    cr_expect_eq(ask(&rig, "/?c=1"), 200);
    rig_get(&rig, "/?c=1", "");
    dispatch_refuse(rig.exchange, ERROR_BODY_TIMEOUT);
    cr_expect_eq(rig.seen.status, 408);
    for (int i = 0; i < 3; i++) {
        ev_sleep(0.03);
        ev_run(rig.loop.ev, EVRUN_NOWAIT);
    }
    cr_expect_eq(rig.starts, 1);
    cr_expect_eq(rig.seen.responses, 1);
    rig_close(&rig);
}

/* One that refuses keeps the others from counting. */
Test(limit_req, several)
{
    struct rig rig;
    open_with(&rig, "limit_req zone=b burst=4 nodelay; limit_req zone=a burst=1 nodelay;");
    cr_expect_eq(ask(&rig, "/?a=1&b=1"), 200);
    cr_expect_eq(ask(&rig, "/?a=1&b=1"), 200);
    for (int i = 0; i < 5; i++)
        cr_expect_eq(ask(&rig, "/?a=1&b=1"), 503);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(ask(&rig, "/?b=1"), 200, "a's key is empty, b has counted two");
    cr_expect_eq(ask(&rig, "/?b=1"), 503);
    cr_expect_eq(ask(&rig, "/?a=2"), 200);
    rig_close(&rig);
}

Test(limit_req, inherited_all_or_nothing)
{
    struct rig rig;
    rig_open(&rig, ZONES "limit_req zone=a; server { listen 10.0.0.1:80;"
                         "location / { proxy_pass http://127.0.0.1:9000; }"
                         "location /b { limit_req zone=b; proxy_pass http://127.0.0.1:9000; } }");
    cr_expect_eq(ask(&rig, "/?a=1&b=1"), 200);
    cr_expect_eq(ask(&rig, "/?a=1&b=1"), 503);
    cr_expect_eq(ask(&rig, "/b?a=1&b=1"), 200);
    cr_expect_eq(ask(&rig, "/b?a=1&b=1"), 503);
    rig_close(&rig);
}

Test(limit_req, dry_run_and_variable)
{
    static const struct {
        const char *inside, *outcomes[3];
    } cases[] = {
        {"limit_req zone=a; limit_req_dry_run on;",
         {"PASSED", "REJECTED_DRY_RUN", "REJECTED_DRY_RUN"}},
        {"limit_req zone=a burst=1; limit_req_dry_run on;",
         {"PASSED", "DELAYED_DRY_RUN", "REJECTED_DRY_RUN"}},
        {"limit_req zone=a burst=1 nodelay;", {"PASSED", "PASSED", "REJECTED"}},
        {"limit_req zone=b;", {"", "", ""}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct rig rig;
        open_with(&rig, cases[c].inside);
        for (int i = 0; i < 3; i++) {
            rig_get(&rig, "/?a=1", "");
            if (rig.exchange->back)
                rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            cr_expect_str_eq(rig_returned(&rig, "x-l"), cases[c].outcomes[i], "case %zu, %d", c, i);
            rig_end(&rig);
        }
        rig_close(&rig);
    }
}
