/* SPDX-License-Identifier: MIT */
/* limit_conn: held while a request is in progress, given back at its end. */
#include "dispatch/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define ZONES "limit_conn_zone $arg_a zone=a:64k; limit_conn_zone $arg_b zone=b:64k;"

static void open_with(struct rig *rig, const char *inside)
{
    char text[1024];
    snprintf(text, sizeof(text),
             ZONES "server { listen 10.0.0.1:80; add_header X-L $limit_conn_status always;"
                   "location / { %s proxy_pass http://127.0.0.1:9000; } }",
             inside);
    rig_open(rig, text);
}

static uint32_t total(const struct rig *rig, struct slice zone, struct slice key)
{
    struct cells_counts *counts = tenant_counts(rig->tenant, zone);
    return counts_total(counts, counts_hash(counts, key));
}

/* As many as other workers have. */
static void take(struct rig *rig, struct slice zone, struct slice key, unsigned count)
{
    struct cells_counts others = *tenant_counts(rig->tenant, zone);
    others.column = 9;
    while (count-- > 0)
        cr_assert_eq(counts_take(&others, counts_hash(&others, key), 99), COUNTS_TAKEN);
}

Test(limit_conn, held_until_the_end)
{
    struct rig rig;
    open_with(&rig, "limit_conn a 2; limit_conn b 1;");
    rig_get(&rig, "/?a=1&b=2", "");
    cr_expect_eq(rig.starts, 1);
    cr_expect_eq(total(&rig, SLICE("a"), SLICE("1")), 1);
    cr_expect_eq(total(&rig, SLICE("b"), SLICE("2")), 1);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "x-l"), "PASSED");
    cr_expect_eq(total(&rig, SLICE("a"), SLICE("1")), 1);
    rig_end(&rig);
    cr_expect_eq(total(&rig, SLICE("a"), SLICE("1")), 0);
    cr_expect_eq(total(&rig, SLICE("b"), SLICE("2")), 0);
    rig_close(&rig);
}

Test(limit_conn, refused_with_others_workers_counted)
{
    struct rig rig;
    open_with(&rig, "limit_conn a 2; limit_conn b 1; limit_conn_status 429;");
    take(&rig, SLICE("b"), SLICE("2"), 1);
    rig_get(&rig, "/?a=1&b=2", "");
    cr_expect_eq(rig.seen.status, 429);
    cr_expect_str_eq(rig_returned(&rig, "x-l"), "REJECTED");
    cr_expect_eq(total(&rig, SLICE("a"), SLICE("1")), 0, "who is refused holds nothing");
    rig_end(&rig);
    rig_get(&rig, "/?a=1&b=3", "");
    cr_expect_eq(rig.starts, 1);
    rig_end(&rig);
    rig_close(&rig);
}

Test(limit_conn, without_a_key_nothing_counts)
{
    struct rig rig;
    open_with(&rig, "limit_conn a 1;");
    take(&rig, SLICE("a"), SLICE(""), 5);
    rig_get(&rig, "/", "");
    cr_expect_eq(rig.starts, 1);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_not(rig_returns(&rig, "x-l"));
    rig_close(&rig);
}

Test(limit_conn, a_key_that_is_too_long_does_not_count)
{
    struct rig rig;
    char target[512];
    open_with(&rig, "limit_conn a 1;");
    snprintf(target, sizeof(target), "/?a=%0256d", 1);
    rig_get(&rig, target, "");
    cr_expect_eq(rig.starts, 1);
    cr_expect_eq(total(&rig, SLICE("a"), (struct slice){target + 4, 256}), 0);
    rig_end(&rig);
    snprintf(target, sizeof(target), "/?a=%0255d", 1);
    rig_get(&rig, target, "");
    cr_expect_eq(total(&rig, SLICE("a"), (struct slice){target + 4, 255}), 1);
    rig_close(&rig);
}

Test(limit_conn, dry_run)
{
    struct rig rig;
    open_with(&rig, "limit_conn b 1; limit_conn a 1; limit_conn_dry_run on;");
    take(&rig, SLICE("a"), SLICE("1"), 1);
    rig_get(&rig, "/?a=1&b=1", "");
    cr_expect_eq(rig.starts, 1);
    cr_expect_eq(total(&rig, SLICE("b"), SLICE("1")), 0);
    rig_answer(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_expect_str_eq(rig_returned(&rig, "x-l"), "REJECTED_DRY_RUN");
    rig_close(&rig);
}

/* A location's limit of its own is in place of its server's. */
Test(limit_conn, inherited_all_or_nothing)
{
    struct rig rig;
    rig_open(&rig, ZONES "limit_conn a 1; server { listen 10.0.0.1:80;"
                         "location / { proxy_pass http://127.0.0.1:9000; }"
                         "location /b { limit_conn b 1; proxy_pass http://127.0.0.1:9000; } }");
    take(&rig, SLICE("a"), SLICE("1"), 1);
    rig_get(&rig, "/?a=1", "");
    cr_expect_eq(rig.seen.status, 503);
    rig_end(&rig);
    rig_get(&rig, "/b?a=1&b=1", "");
    cr_expect_eq(rig.starts, 1);
    rig_close(&rig);
}
