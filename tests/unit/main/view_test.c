/* SPDX-License-Identifier: MIT */
/* Rates as a screen and as a table. */
#include "main/view_internal.h"

#include "main/printable_internal.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *gateway;
static struct rates rates;
static struct view view = {.width = 80, .height = 10};
static char *text;

/* So many tenants, t00 and on, the later the busier. */
static void make(unsigned count)
{
    json_t *tenants = json_array(), *none = json_pack("{s:[]}", "tenants");

    for (unsigned i = 0; i < count; i++) {
        char name[16];

        snprintf(name, sizeof(name), "t%02u", i);
        json_array_append_new(tenants, json_pack("{s:s, s:s, s:i}", "tenant", name, "state",
                                                 "serving", "requests", i));
    }
    gateway = json_pack("{s:s, s:i, s:o}", "version", "1.0", "pid", 7, "tenants", tenants);
    rates_make(&rates, none, gateway, 1);
    json_decref(none);
}

static void end(void)
{
    free(text);
    rates_free(&rates);
    json_decref(gateway);
}

TestSuite(view, .init = printable_init, .fini = end);

static const char *screen(double age)
{
    size_t len;
    FILE *out;

    free(text);
    out = open_memstream(&text, &len);
    view_screen(&view, out, gateway, &rates, age);
    fclose(out);
    return text;
}

static bool shows(const char *what)
{
    return strstr(screen(0), what) != NULL;
}

Test(view, a_table_has_a_line_for_each)
{
    size_t len;
    FILE *out = open_memstream(&text, &len);

    make(2);
    rates.each[1].p99 = .0123;
    rates.each[1].requests = 1234.4;
    rates.each[0].p99 = INFINITY;
    view_table(out, gateway, &rates);
    fclose(out);
    cr_assert_str_eq(text, "nsgate 1.0, pid 7, up 0m 0s; 0 workers of generation 0, 0 connections\n"
                           "2 of 2 tenants serve; 1.0 requests/s, - errors/s, p99 -\n\n"
                           "TENANT  STATE    REQUESTS/S  ERRORS/S       P99  CONNECTIONS\n"
                           "t01     serving        1234         -   12.3 ms            0\n"
                           "t00     serving         0.0         -    > 30 s            0\n");
}

Test(view, as_many_tenants_as_there_is_room_for)
{
    make(12);
    cr_expect(shows("t11 ") && shows("t08 ") && !shows("t07 ") && shows("1 to 4 of 12"));
    cr_expect(view_key(&view, "\x1b[B", 3));
    cr_expect(!shows("t11 ") && shows("t07 ") && shows("2 to 5 of 12"));
    cr_expect(view_key(&view, "\x1b[F", 3));
    cr_expect(shows("9 to 12 of 12"));
    cr_expect(view_key(&view, "\x1b[5~", 4));
    cr_expect(shows("5 to 8 of 12"));
    cr_expect(view_key(&view, "\x1bOA", 3) && shows("4 to 7 of 12"));
    cr_expect(view_key(&view, "\x1b[H", 3) && view_key(&view, "\x1b[A", 3) && shows("1 to 4 of"));
    view.height = 30;
    cr_expect(shows("t00 ") && !shows(" of 12\n"));
}

Test(view, keys_choose_the_order_and_turn_it)
{
    make(2);
    cr_expect(view_key(&view, "t", 1));
    cr_expect(view.order == RATE_BY_NAME && !view.is_reversed);
    cr_expect(view_key(&view, "t", 1));
    cr_expect(view.is_reversed && shows("\x1b[7mtenant -\x1b[m"));
    cr_expect(view_key(&view, "e", 1));
    cr_expect(view.order == RATE_BY_ERRORS && !view.is_reversed);
    cr_expect_not(view_key(&view, "x", 1));
    cr_expect_not(view_key(&view, "\x1b[Z", 3));
    cr_expect_not(view_key(&view, "tt", 2));
}

/* Escape sequences do not count; neither does what the terminal cuts at its end. */
Test(view, lines_of_tenants_fit_the_screen)
{
    char name[200];

    make(1);
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    rates.each[0].name = name;
    screen(0);
    cr_expect_eq(strspn(strstr(text, "nnn"), "n"), 25);
    view.width = 20;
    screen(0);
    cr_expect_eq(strspn(strstr(text, "nnn"), "n"), 6);
    cr_expect_not_null(strstr(text, "nsgate 1.0, pid 7, u\x1b[K"));
}

Test(view, silence_is_told)
{
    make(1);
    cr_expect_null(strstr(screen(1), "no answer"));
    cr_expect_not_null(strstr(screen(7), "no answer for 7 s; 1 of 1 tenants serve"));
}
