/* SPDX-License-Identifier: MIT */
/* What limit_req and limit_conn share: what they say of themselves, and without memory. */
#include "dispatch/rig.h"

#include "base/log.h"

#include <criterion/criterion.h>

#include <stdio.h>

/* The supervisor had no memory for them. */
Test(answer, without_cells_nobody_is_held)
{
    struct rig rig;
    rig_open(&rig, "limit_conn_zone a zone=a:64k; limit_req_zone b zone=b:64k rate=1r/m;"
                   "server { listen 10.0.0.1:80; limit_conn a 1; limit_req zone=b;"
                   "location / { proxy_pass http://127.0.0.1:9000; } }");
    cells_map_free(rig.tenant->cells);
    rig.tenant->cells = NULL;
    rig.tenant->zones = NULL;
    for (unsigned i = 0; i < 3; i++) {
        rig_get(&rig, "/", "");
        cr_expect_eq(rig.starts, i + 1);
        rig_end(&rig);
    }
    rig_close(&rig);
}

/* The log says it as nginx does. */
Test(answer, the_log_has_nginx_words)
{
    struct rig rig;
    char text[8192];
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    log_set_sink(LOG_SINK_FILE, ends[1]);
    rig_open(&rig,
             "limit_conn_zone a zone=one:64k; limit_req_zone b zone=two:64k rate=1r/m;"
             "server { listen 10.0.0.1:80; limit_conn one 1; limit_conn_log_level warn;"
             "location / { proxy_pass http://127.0.0.1:9000; }"
             "location /r { limit_req zone=two burst=1; proxy_pass http://127.0.0.1:9000; } }");
    struct cells_counts *counts = tenant_counts(rig.tenant, SLICE("one"));
    counts_take(counts, counts_hash(counts, SLICE("a")), 1);
    rig_get(&rig, "/", "");
    rig_end(&rig);
    for (int i = 0; i < 3; i++) {
        rig_get(&rig, "/r", "");
        rig_end(&rig);
    }
    rig_close(&rig);
    log_set_sink(LOG_SINK_STDERR, STDERR_FILENO);
    close(ends[1]);
    ssize_t len = read(ends[0], text, sizeof(text) - 1);
    cr_assert_gt(len, 0);
    text[len] = '\0';
    cr_expect(strstr(text, "[warn]") && strstr(text, "limiting connections by zone \"one\""), "%s",
              text);
    cr_expect(strstr(text, "limiting requests, excess: 2.000 by zone \"two\"") ||
                  strstr(text, "limiting requests, excess: 1.999 by zone \"two\""),
              "%s", text);
    cr_expect(strstr(text, "delaying request, excess: 1.000, by zone \"two\"") ||
                  strstr(text, "delaying request, excess: 0.999, by zone \"two\""),
              "%s", text);
    close(ends[0]);
}

static void refuse_with(int status)
{
    char text[600];
    struct rig rig;
    snprintf(text, sizeof(text),
             "limit_conn_zone a zone=a:64k; limit_req_zone b zone=b:64k rate=1r/m;"
             "server { listen 10.0.0.1:80;"
             "location / { limit_conn a 1; limit_conn_status %d; "
             "proxy_pass http://127.0.0.1:9000; }"
             "location /r { limit_req zone=b; limit_req_status %d; "
             "proxy_pass http://127.0.0.1:9000; } }",
             status, status);
    rig_open(&rig, text);
    struct cells_counts *counts = tenant_counts(rig.tenant, SLICE("a"));
    counts_take(counts, counts_hash(counts, SLICE("a")), 1);
    rig_get(&rig, "/r", "");
    rig_end(&rig);
    cr_expect_eq(rig.starts, 1);
    for (int i = 0; i < 2; i++) {
        rig.seen = (struct seen){0};
        rig_get(&rig, i ? "/r" : "/", "");
        cr_expect_eq(rig.seen.responses, 0);
        cr_expect_eq(rig.seen.end, PIPE_BROKEN);
        cr_expect_eq(rig.exchange->response.status, status, "for the log");
        rig_end(&rig);
    }
    cr_expect_eq(rig.starts, 1);
    rig_close(&rig);
}

Test(answer, some_are_none)
{
    refuse_with(444);
    refuse_with(408);
    refuse_with(499);
}
