/* SPDX-License-Identifier: MIT */
/* Numbers and times as texts. */
#include "dispatch/rig.h"

#include <criterion/criterion.h>

Test(value_texts, numbers_and_seconds)
{
    static const struct {
        double value;
        const char *text;
    } seconds[] = {
        {0, "0.000"},       {0.0004, "0.000"},    {0.25, "0.250"}, {1.007, "1.007"},
        {59.999, "59.999"}, {3600.5, "3600.500"}, {-1, "0.000"},   {1e9 + 0.125, "1000000000.125"}};
    static const struct {
        uint64_t value;
        const char *text;
    } numbers[] = {{0, "0"}, {7, "7"}, {10, "10"}, {UINT64_MAX, "18446744073709551615"}};
    struct rig rig;
    rig_open(&rig, "server { listen 10.0.0.1:80; return 204; }\n");
    rig_begin(&rig);
    struct dispatch dispatch = {.exchange = rig.exchange};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++)
        cr_expect_str_eq(text_of(value_seconds(&dispatch, seconds[i].value)), seconds[i].text);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        cr_expect_str_eq(text_of(value_number(&dispatch, numbers[i].value)), numbers[i].text);
    rig_close(&rig);
}
