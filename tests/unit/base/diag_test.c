/* SPDX-License-Identifier: MIT */
/* Diagnostics: order, counts, and the text an operator sees. */
#include "base/diag.h"

#include <criterion/criterion.h>

Test(diag, keeps_order_and_counts)
{
    struct diag_list list;
    diag_list_init(&list);
    char file[] = "a.conf";
    diag_error(&list, ((struct diag_place){file, 3, 9}), "unknown directive \"%s\"", "lisen");
    diag_warning(&list, ((struct diag_place){file, 0, 0}), "empty");
    diag_notice(&list, ((struct diag_place){NULL, 0, 0}), "done");
    file[0] = 'X'; /* the list has its own copy */

    char text[200];
    struct diag *diag = STAILQ_FIRST(&list.items);
    diag_format(diag, text, sizeof text);
    cr_assert_str_eq(text, "a.conf:3:9: unknown directive \"lisen\"");
    diag = STAILQ_NEXT(diag, next);
    diag_format(diag, text, sizeof text);
    cr_assert_str_eq(text, "a.conf: empty");
    diag = STAILQ_NEXT(diag, next);
    diag_format(diag, text, sizeof text);
    cr_assert_str_eq(text, "done");
    cr_assert_eq(list.errors, 1);
    cr_assert_eq(list.warnings, 1);
    diag_list_free(&list);
}

Test(diag, errors_only)
{
    struct diag_list list;

    diag_list_init(&list);
    list.errors_only = true;
    diag_warning(&list, ((struct diag_place){"a.conf", 1, 1}), "empty");
    diag_notice(&list, ((struct diag_place){"a.conf", 1, 1}), "done");
    cr_assert(STAILQ_EMPTY(&list.items));
    diag_error(&list, ((struct diag_place){"a.conf", 1, 1}), "wrong");
    cr_assert_eq(list.errors, 1);
    cr_assert_eq(list.warnings, 0);
    diag_list_free(&list);
}
