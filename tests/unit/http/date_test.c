/* SPDX-License-Identifier: MIT */
/* Dates, against the C library's. */
#include "http/message.h"

#include <criterion/criterion.h>
#include <time.h>

Test(http_date, example_of_the_rfc)
{
    char date[30];
    http_date(784111777, date);
    cr_expect_str_eq(date, "Sun, 06 Nov 1994 08:49:37 GMT");
}

Test(http_date, as_strftime_has_it)
{
    char date[30];
    char expected[64];
    struct tm parts;
    for (int64_t at = 0; at < INT64_C(253402300800); at += 86400 * 37 + 12345) {
        time_t seconds = (time_t)at;
        gmtime_r(&seconds, &parts);
        strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &parts);
        http_date(at, date);
        cr_assert_str_eq(date, expected);
    }
    /* Every day of a leap year, a common one, and of the two odd century years. */
    for (int year = 0; year < 4; year++) {
        static const int64_t starts[] = {1704067200, 1735689600, 946684800, 4102444800};
        for (int64_t day = 0; day < 367; day++) {
            time_t seconds = (time_t)(starts[year] + day * 86400 + 86399);
            gmtime_r(&seconds, &parts);
            strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &parts);
            http_date(seconds, date);
            cr_assert_str_eq(date, expected);
        }
    }
}

Test(http_date, out_of_range)
{
    char date[30];
    http_date(-1, date);
    cr_expect_str_eq(date, "Thu, 01 Jan 1970 00:00:00 GMT");
    http_date(INT64_MAX, date);
    cr_expect_str_eq(date, "Fri, 31 Dec 9999 23:59:59 GMT");
}
