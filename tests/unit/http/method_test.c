/* SPDX-License-Identifier: MIT */
/* Methods and reasons. */
#include "http/message.h"

#include <criterion/criterion.h>

Test(http_method, lookup)
{
    cr_expect_eq(http_method_lookup(SLICE("GET")), METHOD_GET);
    cr_expect_eq(http_method_lookup(SLICE("HEAD")), METHOD_HEAD);
    cr_expect_eq(http_method_lookup(SLICE("POST")), METHOD_POST);
    cr_expect_eq(http_method_lookup(SLICE("PUT")), METHOD_PUT);
    cr_expect_eq(http_method_lookup(SLICE("DELETE")), METHOD_DELETE);
    cr_expect_eq(http_method_lookup(SLICE("OPTIONS")), METHOD_OPTIONS);
    cr_expect_eq(http_method_lookup(SLICE("PATCH")), METHOD_PATCH);
    cr_expect_eq(http_method_lookup(SLICE("LOCK")), METHOD_LOCK);
    cr_expect_eq(http_method_lookup(SLICE("TRACE")), METHOD_TRACE);
    cr_expect_eq(http_method_lookup(SLICE("CONNECT")), METHOD_CONNECT);
    cr_expect_eq(http_method_lookup(SLICE("get")), METHOD_OTHER);
    cr_expect_eq(http_method_lookup(SLICE("GETS")), METHOD_OTHER);
    cr_expect_eq(http_method_lookup(SLICE("")), METHOD_OTHER);
}

Test(http_method, repeatable)
{
    cr_expect(http_method_is_repeatable(METHOD_GET));
    cr_expect(http_method_is_repeatable(METHOD_PUT));
    cr_expect(http_method_is_repeatable(METHOD_DELETE));
    cr_expect(http_method_is_repeatable(METHOD_OTHER), "PROPFIND, REPORT, QUERY and all others");
    cr_expect_not(http_method_is_repeatable(METHOD_POST));
    cr_expect_not(http_method_is_repeatable(METHOD_LOCK));
    cr_expect_not(http_method_is_repeatable(METHOD_PATCH));
}

Test(http_method, reasons)
{
    cr_expect_str_eq(http_reason(100), "Continue");
    cr_expect_str_eq(http_reason(200), "OK");
    cr_expect_str_eq(http_reason(404), "Not Found");
    cr_expect_str_eq(http_reason(421), "Misdirected Request");
    cr_expect_str_eq(http_reason(511), "Network Authentication Required");
    cr_expect_str_eq(http_reason(99), "");
    cr_expect_str_eq(http_reason(299), "");
    cr_expect_str_eq(http_reason(600), "");
    int known = 0;
    for (int status = 0; status < 1000; status++)
        known += http_reason(status)[0] != '\0';
    cr_expect_eq(known, 62, "%d: the search finds each entry of the table", known);
}
