/* SPDX-License-Identifier: MIT */
/* What is told of a status, and how bad it is. */
#include "main/check_internal.h"

#include "main/printable_internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define NOW 1800000000 /* 2027-01-15T08:00:00Z */

TestSuite(check, .init = printable_init);

/* gateway: its members but for the tenants, each with a comma behind. */
static void says(const char *gateway, const char *tenants, enum check worst, const char *lines)
{
    char *json, *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    json_error_t error;
    json_t *status;

    cr_assert(asprintf(&json, "{%s \"tenants\": [%s]}", gateway, tenants) > 0);
    status = json_loads(json, 0, &error);
    cr_assert_not_null(status, "%s in %s", error.text, json);
    cr_expect_eq(check_print(out, status, NOW), worst);
    fclose(out);
    cr_expect_str_eq(text, lines);
    json_decref(status);
    free(text);
    free(json);
}

Test(check, nothing_is_said_when_all_is_well)
{
    says("\"state\": \"serving\", \"workers\": 2, \"workers_ready\": 2, \"last_reload\": \"done\","
         " \"sandbox\": \"on\",",
         "{\"tenant\": \"a\", \"state\": \"serving\", \"last_error\": null,"
         " \"certificate_expiry\": \"2027-02-15T08:00:00Z\", \"failing_upstreams\": []},"
         "{\"tenant\": \"b\", \"state\": \"serving\", \"certificate_expiry\": null}",
         CHECK_FINE, "");
}

Test(check, who_does_not_serve_is_critical)
{
    says("",
         "{\"tenant\": \"a\", \"state\": \"degraded\", \"last_error\": \"port 80\"},"
         "{\"tenant\": \"b\", \"state\": \"waiting\", \"last_error\": \"no such\\u001b[1m\"},"
         "{\"tenant\": \"c\", \"state\": \"refused\"},"
         "{\"tenant\": \"d\", \"state\": \"serving\", \"last_error\": \"d.conf:1: x\"}",
         CHECK_CRITICAL,
         "CRITICAL: tenant b is waiting: no such?[1m\n"
         "CRITICAL: tenant c is refused\n"
         "WARNING: tenant a serves only in part: port 80\n"
         "WARNING: tenant d serves as before: d.conf:1: x\n");
}

#define EXPIRES(when)                                                                              \
    "{\"tenant\": \"a\", \"state\": \"serving\", \"certificate_expiry\": \"" when "\"}"

Test(check, certificates_are_told_in_time)
{
    says("", EXPIRES("2027-02-14T08:00:01Z"), CHECK_FINE, "");
    says("", EXPIRES("2027-02-14T07:59:59Z"), CHECK_WARNING,
         "WARNING: tenant a: a certificate expires in 30.0 days, on 2027-02-14T07:59:59Z\n");
    says("", EXPIRES("2027-01-16T08:00:00Z"), CHECK_WARNING,
         "WARNING: tenant a: a certificate expires in 1.0 days, on 2027-01-16T08:00:00Z\n");
    says("", EXPIRES("2027-01-15T20:00:00Z"), CHECK_CRITICAL,
         "CRITICAL: tenant a: a certificate expires in 0.5 days, on 2027-01-15T20:00:00Z\n");
    says("", EXPIRES("2026-12-31T23:00:00Z"), CHECK_CRITICAL,
         "CRITICAL: tenant a: a certificate has expired on 2026-12-31T23:00:00Z\n");
}

#define FAILING(up, down)                                                                          \
    "{\"tenant\": \"a\", \"state\": \"serving\", \"failing_upstreams\":"                           \
    " [{\"upstream\": \"pool\", \"servers\": 3, \"up\": " up ", \"down\": [" down "]}]}"

Test(check, an_upstream_without_any_server_is_critical)
{
    says("", FAILING("1", "\"10.0.0.1:80\", \"10.0.0.2:80\""), CHECK_WARNING,
         "WARNING: tenant a: server 10.0.0.1:80 of upstream pool is down\n"
         "WARNING: tenant a: server 10.0.0.2:80 of upstream pool is down\n");
    says("", FAILING("0", "\"10.0.0.1:80\""), CHECK_CRITICAL,
         "CRITICAL: tenant a: no server of upstream pool is up\n");
}

Test(check, the_gateway_itself)
{
    says("\"state\": \"ending\",", "", CHECK_WARNING, "WARNING: nsgate is ending\n");
    says("\"workers\": 2, \"workers_ready\": 1,", "", CHECK_WARNING,
         "WARNING: 1 of 2 workers are ready\n");
    says("\"workers\": 2, \"workers_ready\": 0,", "", CHECK_CRITICAL,
         "CRITICAL: 0 of 2 workers are ready\n");
    says("\"last_reload\": \"refused\",", "", CHECK_WARNING,
         "WARNING: the last reload was refused, what was in force before goes on: see nsgate -t\n");
    says("\"last_reload\": \"partial\",", "", CHECK_WARNING,
         "WARNING: not all of the last reload is in force: see nsgate -t\n");
    says("\"sandbox\": \"missing\",", "", CHECK_WARNING,
         "WARNING: workers have no sandbox: the kernel has none\n");
}

/* A gateway of before does not tell everything. */
Test(check, what_is_not_told_is_not_wrong)
{
    says("\"workers\": 2,", "{\"tenant\": \"a\", \"state\": \"serving\"}", CHECK_FINE, "");
}
