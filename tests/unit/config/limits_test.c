/* SPDX-License-Identifier: MIT */
/* limit_req and limit_conn: what they say, what is inherited, and what is wrong. */
#include "config/config_support.h"

#define ZONES "limit_req_zone a zone=r:1m rate=2r/s; limit_conn_zone a zone=c:1m;\n"
#define HEAD  "netns a; server { listen 80; location / { return 204; } "

Test(limits, what_they_say)
{
    struct built built;
    const struct config_settings *server, *location;

    build_good(&built, ZONES "limit_conn c 5; limit_req zone=r; limit_req_log_level INFO;"
                             "limit_conn_dry_run on; limit_conn_status 429;" HEAD
                             "location /a { limit_req zone=r burst=7 delay=3; } "
                             "location /b { limit_req burst=2 nodelay zone=r; limit_conn c 1; } }");
    server = built.tenant.servers[0].settings;
    cr_expect_eq(server->limit_req_count, 1);
    cr_expect_eq(server->limit_reqs[0].burst, 0);
    cr_expect_eq(server->limit_reqs[0].delay, 0);
    cr_expect_eq(server->limit_req.level, LOG_LEVEL_INFO);
    cr_expect_eq(server->limit_req.status, 503);
    cr_expect_not(server->limit_req.dry_run);
    cr_expect_eq(server->limit_conns[0].most, 5);
    cr_expect(text_is(built.tenant.zones[server->limit_conns[0].zone].name, "c"));
    cr_expect_eq(server->limit_conn.level, LOG_LEVEL_ERROR);
    cr_expect_eq(server->limit_conn.status, 429);
    cr_expect(server->limit_conn.dry_run);
    location = built.tenant.servers[0].locations[1].settings;
    cr_expect_eq(location->limit_reqs[0].burst, 7000);
    cr_expect_eq(location->limit_reqs[0].delay, 3000);
    cr_expect_eq(location->limit_conns, server->limit_conns);
    location = built.tenant.servers[0].locations[2].settings;
    cr_expect_eq(location->limit_reqs[0].delay, LIMIT_NO_DELAY);
    cr_expect_eq(location->limit_conns[0].most, 1);
    free_tenant(&built);
}

Test(limits, rates_of_responses)
{
    struct built built;
    const struct config_settings *settings;

    build_good(&built, "limit_rate 10k; limit_rate_after $arg_a;" HEAD "}");
    settings = built.tenant.servers[0].settings;
    cr_expect_eq(settings->limit_rate.bytes, 10240);
    cr_expect_eq(settings->limit_rate.variable.count, 0);
    cr_expect_eq(settings->limit_rate_after.variable.count, 1);
    free_tenant(&built);
}

/* As in nginx, a zone may stand behind its use. */
Test(limits, zones_may_follow)
{
    struct built built;

    build_good(&built,
               "limit_req zone=r; limit_req zone=s;" ZONES "limit_req_zone b zone=s:1m;" HEAD "}");
    cr_expect_eq(built.tenant.servers[0].settings->limit_reqs[0].zone, 0);
    cr_expect_eq(built.tenant.servers[0].settings->limit_reqs[1].zone, 2);
    free_tenant(&built);
}

Test(limits, mistakes)
{
    static const struct said wrong[] = {
        {ZONES "limit_req zone=none;" HEAD "}", 2, 11, "there is no zone \"none\""},
        {ZONES "limit_req zone=c;" HEAD "}", 2, 11, "there is no zone \"c\": \"limit_req_zone\""},
        {ZONES "limit_conn r 1;" HEAD "}", 2, 12, "there is no zone \"r\": \"limit_conn_zone\""},
        {ZONES "limit_req burst=1;" HEAD "}", 2, 1, "must have \"zone\" parameter"},
        {ZONES "limit_req zone=r burst=0;" HEAD "}", 2, 18, "invalid value"},
        {ZONES "limit_req zone=r burst=200001;" HEAD "}", 2, 18, "invalid value"},
        {ZONES "limit_req zone=r delay=x;" HEAD "}", 2, 18, "invalid value"},
        {ZONES "limit_req zone=r wait;" HEAD "}", 2, 18, "invalid parameter \"wait\""},
        {ZONES "limit_req zone=r; limit_req zone=r burst=1;" HEAD "}", 2, 29, "is a duplicate"},
        {ZONES "limit_conn c 1; limit_conn c 2;" HEAD "}", 2, 28, "is a duplicate"},
        {ZONES "limit_conn c 0;" HEAD "}", 2, 14, "invalid number of connections"},
        {ZONES "limit_conn c 65536;" HEAD "}", 2, 14, "invalid number of connections"},
        {ZONES "limit_req_status 399;" HEAD "}", 2, 18, "400 to 599"},
        {ZONES "limit_conn_status 600;" HEAD "}", 2, 19, "400 to 599"},
        {ZONES "limit_req_log_level debug;" HEAD "}", 2, 21, "info, notice, warn or error"},
        {ZONES "limit_rate fast;" HEAD "}", 2, 12, "is no size"},
        {ZONES "limit_rate \"\";" HEAD "}", 2, 12, "is no size"},
        {ZONES "limit_rate_after $nothing;" HEAD "}", 2, 18, "nothing"},
        {ZONES "limit_req_dry_run yes;" HEAD "}", 2, 19, "\"on\" or \"off\""},
    };

    expect_errors(wrong, COUNT(wrong));
}
