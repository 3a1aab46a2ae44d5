/* SPDX-License-Identifier: MIT */
/* What reaches a terminal of texts of others. */
#include "main/printable_internal.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>

TestSuite(printable, .init = printable_init);

static void shows(const char *text, size_t columns, const char *expected, size_t width)
{
    char *got = NULL;
    size_t len, used;
    FILE *out = open_memstream(&got, &len);

    used = printable_put(out, text, columns);
    fclose(out);
    cr_expect_str_eq(got, expected);
    cr_expect_eq(used, width, "%zu columns of %s", used, expected);
    free(got);
}

Test(printable, what_a_terminal_obeys_becomes_a_question_mark)
{
    shows("acme", 80, "acme", 4);
    shows("a\x1b[2J\r\n\tb\x7f", 80, "a?[2J???b?", 10);
    shows("c\xc2\x9b", 80, "c?", 2); /* CSI, as one character */
    shows("\x9b"
          "0m\xff\xc3",
          80, "?0m??", 5); /* no UTF-8, and a half of it */
    shows("a\xe2\x80\xae"
          "b",
          80, "a?b", 3);                   /* from right to left */
    shows("\xf4\x90\x80\x80", 80, "?", 1); /* past the last character */
}

Test(printable, a_character_takes_as_many_columns_as_it_does)
{
    shows("\xc3\xbc", 80, "\xc3\xbc", 1);
    shows("\xe6\x97\xa5\xe6\x9c\xac", 80, "\xe6\x97\xa5\xe6\x9c\xac", 4);
    shows("\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5", 2);
    shows("acme", 2, "ac", 2);
    shows("acme", 0, "", 0);
    cr_expect_eq(printable_width("\xe6\x97\xa5\x1b"), 3);
}

Test(printable, a_cell_is_filled, .init = cr_redirect_stdout)
{
    printable_init();
    printable_cell(stdout, "\xc3\xbc", 3);
    printable_cell(stdout, "long", 3);
    fflush(stdout);
    cr_assert_stdout_eq_str("\xc3\xbc  lon");
}
