/* SPDX-License-Identifier: MIT */
/* Dates as HTTP writes them, by hand: strftime(3) costs a microsecond and depends on the locale. */
#include "http/message.h"

#define DAY_SECONDS 86400
#define LAST_SECOND INT64_C(253402300799) /* of the year 9999 */

static void put_two(char *out, unsigned value)
{
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
}

void http_date(int64_t unix_seconds, char out[30])
{
    static const char days[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char months[12][4] = {"Mar", "Apr", "May", "Jun", "Jul", "Aug",
                                       "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"};
    if (unix_seconds < 0)
        unix_seconds = 0;
    if (unix_seconds > LAST_SECOND)
        unix_seconds = LAST_SECOND;
    uint32_t second = (uint32_t)(unix_seconds % DAY_SECONDS);
    uint32_t since_1970 = (uint32_t)(unix_seconds / DAY_SECONDS);

    /* Years of this calendar begin in March, so that the leap day is the last one; eras are the
     * 400 years after which it repeats (Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
    uint32_t day = since_1970 + 719468;
    uint32_t era = day / 146097;
    uint32_t of_era = day % 146097;
    uint32_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t month = (5 * of_year + 2) / 153;
    uint32_t of_month = of_year - (153 * month + 2) / 5 + 1;
    uint32_t year = year_of_era + era * 400 + (month >= 10);

    memcpy(out, "Thu, 01 Jan 1970 00:00:00 GMT", 30);
    memcpy(out, days[since_1970 % 7], 3);
    put_two(out + 5, of_month);
    memcpy(out + 8, months[month], 3);
    put_two(out + 12, year / 100);
    put_two(out + 14, year % 100);
    put_two(out + 17, second / 3600);
    put_two(out + 20, second / 60 % 60);
    put_two(out + 23, second % 60);
}
